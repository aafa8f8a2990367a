// Measures an answer's speed, on the reader's clock.

import type { AnswerPiece } from "./answer-piece.ts";

/** Minimum time over which a rate is computed; tokens that arrive together have no rate. */
const MIN_DECODE_S = 0.01;

export class AnswerTimer {
  readonly #startMs: number;
  readonly #nowMs: () => number;
  #firstMs: number | null = null;
  #lastMs: number;
  #numTokens = 0;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
    this.#startMs = nowMs();
    this.#lastMs = this.#startMs;
  }

  /** Counts each event with text as a token until the server reports the number. */
  read({ text, reasoning, usage }: AnswerPiece): void {
    if (usage !== null) this.#numTokens = usage.completionTokens;
    if (text === "" && reasoning === "") return;
    this.#lastMs = this.#nowMs();
    this.#firstMs ??= this.#lastMs;
    if (usage === null) this.#numTokens++;
  }

  /** "12 tokens, 85.1 tokens/s, first after 40 ms"; "" if no token arrived */
  summary(): string {
    if (this.#firstMs === null) return "";
    const decodeS = (this.#lastMs - this.#firstMs) / 1000;
    const rate =
      decodeS >= MIN_DECODE_S && this.#numTokens > 1 ? (this.#numTokens - 1) / decodeS : null;
    return [
      `${this.#numTokens} tokens`,
      ...(rate === null ? [] : [`${rate.toFixed(1)} tokens/s`]),
      `first after ${Math.round(this.#firstMs - this.#startMs)} ms`,
    ].join(", ");
  }
}
