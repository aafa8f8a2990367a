// Sheds load before memory runs out. Near the limit, connections are not kept alive; at the limit, new work is
// refused. Running requests continue and free memory as they finish. Memory use is checked when a request
// arrives, at most every 250 ms. Thresholds and interval follow the example in Envoy's overload manager docs.

import { OverloadError } from "../errors.ts";

const INTERVAL_MS = 250;

/** Distance below the limit at which connections are no longer kept alive, as a fraction of memory. */
const KEEP_ALIVE_MARGIN = 0.03;

export interface MemoryGuardOptions {
  /** Fraction of memory in use, above 0, at which new work is refused. */
  readonly limit: number;
  /** Returns the fraction of the machine's or container's memory in use, 0..1; null = unknown. */
  readonly readUse: () => number | null;
  /** Monotonic clock, in ms. */
  readonly nowMs: () => number;
}

export class MemoryGuard {
  readonly #options: MemoryGuardOptions;
  #use = 0;
  #readMs = Number.NEGATIVE_INFINITY;

  constructor(options: MemoryGuardOptions) {
    this.#options = options;
  }

  /** @throws OverloadError "memory_low" */
  check(retryAfterS: number): void {
    if (this.#currentUse() < this.#options.limit) return;
    const [use, limit] = [this.#use, this.#options.limit].map((share) => Math.round(share * 100));
    const message = `Memory use is ${use}%; new work is refused at ${limit}% or more. Retry later.`;
    throw new OverloadError("memory_low", message, retryAfterS);
  }

  get keepsConnections(): boolean {
    return this.#currentUse() < this.#options.limit - KEEP_ALIVE_MARGIN;
  }

  #currentUse(): number {
    const nowMs = this.#options.nowMs();
    if (nowMs - this.#readMs >= INTERVAL_MS) {
      this.#use = this.#options.readUse() ?? 0;
      this.#readMs = nowMs;
    }
    return this.#use;
  }
}
