// The time of a step, learned from past steps: a part for the decoding requests plus a time per prefill token.
// Slow changes (context, batch size, other load) are not modeled but followed, since old steps fade. A step can be
// disturbed but is never faster than possible, so a value far above the expected one counts for little.

/** Tokens and time of a step. */
export interface MeasuredStep {
  /** Tokens of prompts, of requests computed again after preemption, and draft tokens. */
  readonly numPrefillTokens: number;
  /** Time of forward pass and sampling. */
  readonly durationMs: number;
}

/** Memory of the averages: decode-only steps, and prefill tokens. */
const DECODE_MEMORY = 4;
const PREFILL_MEMORY = 128;

/**
 * Smallest share of a step with prefill that is attributed to its prefill tokens, since the measured part of
 * the decoding requests can come from a larger batch.
 */
const MIN_PREFILL_SHARE = 0.25;

export class StepCost {
  readonly #decodeMs = new FadingAverage(DECODE_MEMORY);
  readonly #msPerPrefillToken = new FadingAverage(PREFILL_MEMORY);

  /** Time of a step without prefill tokens; 0 before the first one. */
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

  /** @returns prefill tokens with which a step of decoding requests stays within a time; not rounded */
  numPrefillTokensWithin(durationMs: number): number {
    const prefillMs = durationMs - this.decodeMs;
    return prefillMs <= 0 ? 0 : prefillMs / this.#msPerPrefillToken.value;
  }
}

/** Moving average in which all values before the last together weigh at most `memory`. */
class FadingAverage {
  value = 0;
  readonly #memory: number;
  #weight = 0;

  constructor(memory: number) {
    this.#memory = memory;
  }

  /** Adds a value, capped at twice the average, so that one outlier moves it little. */
  add(value: number, weight: number): void {
    const limited = this.value > 0 ? Math.min(value, 2 * this.value) : value;
    this.#weight = Math.min(this.#weight, this.#memory) + weight;
    this.value += ((limited - this.value) * weight) / this.#weight;
  }
}
