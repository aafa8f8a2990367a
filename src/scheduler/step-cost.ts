// How long a step takes, learned from those that ran: a part for the decoding requests and a time for
// each prefill token. What moves slowly (context, batch size, a busy neighbour) is not modelled but
// followed: old steps fade. A step may be disturbed but is never faster than it can be, so a value far
// above what was expected counts for little.

/** What a step computed and how long it took. */
export interface MeasuredStep {
  /** Tokens of prompts, of requests that are computed again after preemption, and draft tokens. */
  readonly numPrefillTokens: number;
  /** Forward pass and sampling. */
  readonly durationMs: number;
}

/** Steps that the time of a decode-only step is averaged over, and tokens for the time of a token. */
const DECODE_MEMORY = 4;
const PREFILL_MEMORY = 128;

/** Least share of a step with prefill that its prefill tokens are taken to cost: the part of the decoding
 * requests may come from a larger batch than this one. */
const MIN_PREFILL_SHARE = 0.25;

export class StepCost {
  readonly #decodeMs = new FadingAverage(DECODE_MEMORY);
  readonly #msPerPrefillToken = new FadingAverage(PREFILL_MEMORY);

  /** Of a step without prefill tokens; 0 = none has been measured. */
  get decodeMs(): number {
    return this.#decodeMs.value;
  }

  learn({ numPrefillTokens, durationMs }: MeasuredStep): void {
    if (numPrefillTokens === 0) {
      this.#decodeMs.add(durationMs, 1);
      return;
    }
    const prefillMs = Math.max(durationMs - this.decodeMs, durationMs * MIN_PREFILL_SHARE);
    this.#msPerPrefillToken.add(prefillMs / numPrefillTokens, numPrefillTokens);
  }

  /** @returns prefill tokens with which a step of decoding requests takes at most so long; not rounded */
  numPrefillTokensWithin(durationMs: number): number {
    const prefillMs = durationMs - this.decodeMs;
    return prefillMs <= 0 ? 0 : prefillMs / this.#msPerPrefillToken.value;
  }
}

/** An average in which all values before the last weigh at most `memory` together. */
class FadingAverage {
  value = 0;
  readonly #memory: number;
  #weight = 0;

  constructor(memory: number) {
    this.#memory = memory;
  }

  /** A value counts as at most twice the average, so that one alone moves it by less than that. */
  add(value: number, weight: number): void {
    const limited = this.value > 0 ? Math.min(value, 2 * this.value) : value;
    this.#weight = Math.min(this.#weight, this.#memory) + weight;
    this.value += ((limited - this.value) * weight) / this.#weight;
  }
}
