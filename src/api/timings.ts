// The `timings` of a response, in llama-server's format: the numbers of computed prompt tokens and of generated tokens,
// with their times on the engine's clock.

import type { SequenceOutput } from "../front/output-stream.ts";
import type { AnswerOptions } from "./answer-options.ts";
import type { SamplingBody } from "./schemas.ts";

/** Collects a response's times across all its prompts and choices. */
export class Timings {
  #startS: number | null = null;
  #firstTokenS: number | null = null;
  #lastTokenS: number | null = null;
  #numPromptTokens = 0;
  #numCachedTokens = 0;
  #numTokens = 0;
  readonly #prompts = new Set<number>();

  /** Returns null unless the server or the request asks for timings. */
  static of({ answers }: { readonly answers: AnswerOptions }, body: SamplingBody): Timings | null {
    return answers.showsTimings || body.timings_per_token ? new Timings() : null;
  }

  add(output: SequenceOutput, promptIndex = 0): void {
    const { scheduledS, firstTokenS, lastTokenS } = output.timeline;
    this.#startS = earlier(this.#startS, scheduledS);
    this.#firstTokenS = earlier(this.#firstTokenS, firstTokenS);
    if (lastTokenS !== null) this.#lastTokenS = Math.max(this.#lastTokenS ?? 0, lastTokenS);
    this.#numTokens += output.tokenIds.length;
    // A prompt's sequences share its computation, which the first sequence reports.
    if (output.index > 0 || this.#prompts.has(promptIndex)) return;
    this.#prompts.add(promptIndex);
    this.#numPromptTokens += output.numPromptTokens;
    this.#numCachedTokens += output.numCachedTokens;
  }

  body(): object {
    const numComputed = this.#numPromptTokens - this.#numCachedTokens;
    const promptMs = millisecondsBetween(this.#startS, this.#firstTokenS);
    const predictedMs = millisecondsBetween(this.#firstTokenS, this.#lastTokenS);
    return {
      cache_n: this.#numCachedTokens,
      prompt_n: numComputed,
      prompt_ms: promptMs,
      prompt_per_token_ms: ratio(promptMs, numComputed),
      prompt_per_second: ratio(numComputed * 1000, promptMs),
      predicted_n: this.#numTokens,
      predicted_ms: predictedMs,
      predicted_per_token_ms: ratio(predictedMs, this.#numTokens),
      predicted_per_second: ratio(this.#numTokens * 1000, predictedMs),
    };
  }
}

/**
 * A chunk's `timings` member, preceded by a comma; "" for none. A request can ask for it in each chunk; otherwise, it
 * is only in the last chunk, which is the usage chunk if there is one.
 * @param isLast whether no more choices follow
 */
export function timingsMember(
  timings: Timings | null,
  body: SamplingBody,
  isLast: boolean,
): string {
  const hasUsage = body.stream_options?.includeUsage === true;
  if (timings === null || !(body.timings_per_token || (isLast && !hasUsage))) return "";
  return `,"timings":${JSON.stringify(timings.body())}`;
}

function earlier(one: number | null, other: number | null): number | null {
  return one === null || other === null ? (one ?? other) : Math.min(one, other);
}

/** Returns 0 if either time was not reached. */
function millisecondsBetween(fromS: number | null, toS: number | null): number {
  return fromS === null || toS === null ? 0 : Math.max(0, toS - fromS) * 1000;
}

/** Returns 0 if nothing was counted or no time has passed, because JSON has no infinity. */
function ratio(value: number, by: number): number {
  return by === 0 ? 0 : value / by;
}
