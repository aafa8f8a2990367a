// Measures event-loop lag. Ticks are due at fixed times, and each one counts, however late it is processed,
// so a one-second stall delays every tick due in that second.

import { percentile } from "../../src/benchmark/statistics.ts";

const TICK_MS = 5;

/** Lag statistics, in ms. */
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

  /** Ends the measurement and returns the lag figures for its ticks. */
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
