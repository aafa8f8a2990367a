// Sheds load before memory runs out: near the limit connections are not kept, at the limit new work is
// refused. What runs goes on and frees memory as it ends. Looked at when a request comes, at most every
// 250 ms (thresholds and interval as Envoy's example of an overload manager).

import { OverloadError } from "../errors.ts";

const INTERVAL_MS = 250;

/** Connections are closed this much below the limit, share of memory. */
const KEEP_ALIVE_MARGIN = 0.03;

export interface MemoryGuardOptions {
  /** New work is refused from here on, share of memory, above 0. */
  readonly limit: number;
  /** Share of the machine's or the container's memory in use, 0..1; null = not known. */
  readonly readUse: () => number | null;
  /** Monotonic, ms. */
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
    const message = `The server's memory is ${use} % used, of at most ${limit} % for new work. Retry later.`;
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
