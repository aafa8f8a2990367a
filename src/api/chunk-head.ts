// Parts shared by the chunks of chats and text completions. Members that are the same in all chunks of a
// response are serialized once.

import { type ApiContext, modelName } from "./api-context.ts";
import { promptDetails, usage } from "./choice.ts";
import { dataEvent } from "./events.ts";

/** Response properties that every chunk repeats. */
export interface ChunkFacts {
  readonly context: ApiContext;
  readonly id: string;
  readonly createdS: number;
}

export class ChunkHead {
  /** JSON up to the choices. */
  readonly #text: string;
  readonly #context: ApiContext;

  constructor(
    object: "chat.completion.chunk" | "text_completion",
    { context, id, createdS }: ChunkFacts,
  ) {
    this.#context = context;
    const model = JSON.stringify(modelName(context));
    this.#text =
      `{"id":${JSON.stringify(id)},"object":"${object}",` +
      `"created":${createdS},"model":${model},"choices":[`;
  }

  /**
   * @param choice JSON of the chunk's choice; "" for a chunk without one
   * @param fields JSON members to put after the choices, each preceded by a comma; "" for none
   */
  event(choice: string, fields: string): string {
    return dataEvent(`${this.#text}${choice}]${fields}}`);
  }

  /** @returns the last chunk, with the total usage over all choices */
  usageEvent(
    numPromptTokens: number,
    numTokens: number,
    numCachedTokens: number,
    details: object = {},
  ): string {
    const total = {
      ...usage(numPromptTokens, numTokens),
      prompt_tokens_details: promptDetails(this.#context, numCachedTokens) ?? undefined,
      ...details,
    };
    return this.event("", `,"usage":${JSON.stringify(total)}`);
  }
}
