// Estimates a step's duration from past steps: a fixed part for the decoding requests, plus a time per prefill token.
// Slow changes (context, batch size, other load) are not modeled; the estimate follows them because the weight of old
// steps fades. Interference can only make a step slower, so a value far above the expected one gets little weight.

/** The tokens and the duration of a step. */
export interface MeasuredStep {
  /** Number of prompt tokens, tokens recomputed after preemption, and draft tokens. */
  readonly numPrefillTokens: number;
  /** Duration of the forward pass and sampling. */
  readonly durationMs: number;
}

/** Approximate number of decode-only steps and of prefill tokens that the averages cover. */
const DECODE_MEMORY = 4;
const PREFILL_MEMORY = 128;

/**
 * Minimum fraction of a step's duration to attribute to its prefill tokens, since the part for decoding requests
 * can have been measured with a larger batch.
 */
const MIN_PREFILL_SHARE = 0.25;

export class StepCost {
  readonly #decodeMs = new FadingAverage(DECODE_MEMORY);
  readonly #msPerPrefillToken = new FadingAverage(PREFILL_MEMORY);

  /** Duration of a step without prefill tokens; 0 before the first such step. */
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

  /** @returns the number of prefill tokens, not rounded, that a step with decoding requests can compute in this time */
  numPrefillTokensWithin(durationMs: number): number {
    const prefillMs = durationMs - this.decodeMs;
    return prefillMs <= 0 ? 0 : prefillMs / this.#msPerPrefillToken.value;
  }
}

/** A moving average in which all values before the latest have a total weight of at most `memory`. */
class FadingAverage {
  value = 0;
  readonly #memory: number;
  #weight = 0;

  constructor(memory: number) {
    this.#memory = memory;
  }

  /** Adds a value, which is capped at twice the average so that a single outlier has little effect. */
  add(value: number, weight: number): void {
    const limited = this.value > 0 ? Math.min(value, 2 * this.value) : value;
    this.#weight = Math.min(this.#weight, this.#memory) + weight;
    this.value += ((limited - this.value) * weight) / this.#weight;
  }
}
