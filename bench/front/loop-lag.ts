// How late an event loop comes to what is due. Ticks are due at fixed times and each counts, however late
// it is looked at: a hold-up of a second weighs as all the ticks that fell into it.

import { percentile } from "../../src/benchmark/statistics.ts";

const TICK_MS = 5;

/** Ms. */
export interface LagFigures {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

export class LoopLag {
  readonly #lagsMs: number[] = [];
  readonly #timer: Timer;
  #dueMs = performance.now() + TICK_MS;

  constructor() {
    this.#timer = setInterval(() => this.#look(performance.now()), TICK_MS);
  }

  /** Of the ticks until now; ends it. */
  take(): LagFigures {
    clearInterval(this.#timer);
    const lags = this.#lagsMs;
    const max = lags.reduce((most, lag) => Math.max(most, lag), 0);
    return { p50: percentile(lags, 50), p99: percentile(lags, 99), max };
  }

  #look(nowMs: number): void {
    for (; this.#dueMs <= nowMs; this.#dueMs += TICK_MS) this.#lagsMs.push(nowMs - this.#dueMs);
  }
}
