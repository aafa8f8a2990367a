// Parts shared by the chunks of chats and text completions. Members that are the same in all of a response's chunks are
// serialized only once.

import type { RequestOutput } from "../protocol/protocol.ts";
import { type ApiContext, modelName } from "./api-context.ts";
import { promptDetails, usage } from "./choice.ts";
import { dataEvent } from "./events.ts";
import type { Timings } from "./timings.ts";

/** Response properties that every chunk repeats. */
export interface ChunkFacts {
  readonly context: ApiContext;
  readonly body: { readonly model: string | null };
  readonly id: string;
  readonly createdS: number;
}

/** Totals for all choices. */
export interface TokenCounts {
  readonly numPromptTokens: number;
  readonly numTokens: number;
  readonly numCachedTokens: number;
}

export interface UsageExtras {
  /** Additional members of `usage`. */
  readonly details?: object;
  readonly timings?: Timings | null;
}

export class ChunkHead {
  /** A chunk's JSON up to the choices. */
  readonly #text: string;
  readonly #context: ApiContext;

  constructor(
    object: "chat.completion.chunk" | "text_completion",
    { context, body, id, createdS }: ChunkFacts,
  ) {
    this.#context = context;
    const model = JSON.stringify(modelName(context, body.model));
    this.#text =
      `{"id":${JSON.stringify(id)},"object":"${object}",` +
      `"created":${createdS},"model":${model},"choices":[`;
  }

  /**
   * @param choice JSON of the chunk's choice; "" if the chunk has none
   * @param fields JSON members to put after the choices, each preceded by a comma; "" for none
   */
  event(choice: string, fields: string): string {
    return dataEvent(`${this.#text}${choice}]${fields}}`);
  }

  /** @returns a chunk with the prompt's progress, in llama-server's format; "" if the output reports no progress */
  progressEvent(choice: object, output: RequestOutput): string {
    const { promptProgress: progress, numPromptTokens: total, numCachedTokens: cache } = output;
    if (progress === null) return "";
    const { numComputedTokens: processed, elapsedS } = progress;
    const prompt_progress = { total, cache, processed, time_ms: Math.round(elapsedS * 1000) };
    const member = JSON.stringify({ prompt_progress }).slice(1, -1);
    return this.event(JSON.stringify(choice), `,${member}`);
  }

  /** @returns the last chunk, with the total usage for all choices */
  usageEvent(
    { numPromptTokens, numTokens, numCachedTokens }: TokenCounts,
    { details = {}, timings = null }: UsageExtras = {},
  ): string {
    const total = {
      ...usage(numPromptTokens, numTokens),
      prompt_tokens_details: promptDetails(this.#context, numCachedTokens) ?? undefined,
      ...details,
    };
    const members = { usage: total, timings: timings?.body() };
    return this.event("", `,${JSON.stringify(members).slice(1, -1)}`);
  }
}
