// The parts that the chunks of chats and of text completions have in common: what is the same in all chunks of
// an answer, serialized once, and the chunk with the usage.

import { type ApiContext, modelName } from "./api-context.ts";
import { promptDetails, usage } from "./choice.ts";
import { dataEvent } from "./events.ts";

/** Facts of an answer that each of its chunks repeats. */
export interface ChunkFacts {
  readonly context: ApiContext;
  readonly id: string;
  readonly createdS: number;
}

export class ChunkHead {
  /** JSON up to the choices. */
  readonly #text: string;

  constructor(
    object: "chat.completion.chunk" | "text_completion",
    { context, id, createdS }: ChunkFacts,
  ) {
    const model = JSON.stringify(modelName(context));
    this.#text =
      `{"id":${JSON.stringify(id)},"object":"${object}",` +
      `"created":${createdS},"model":${model},"choices":[`;
  }

  /**
   * @param choice JSON of the one choice; "" in a chunk without one
   * @param fields JSON of what follows the choices: "" or members, each with a comma in front
   */
  event(choice: string, fields: string): string {
    return dataEvent(`${this.#text}${choice}]${fields}}`);
  }

  /** The last chunk: the usage of all choices together. */
  usageEvent(numPromptTokens: number, numTokens: number, numCachedTokens: number): string {
    const total = {
      ...usage(numPromptTokens, numTokens),
      prompt_tokens_details: promptDetails(numCachedTokens) ?? undefined,
    };
    return this.event("", `,"usage":${JSON.stringify(total)}`);
  }
}
