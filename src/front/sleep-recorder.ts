// Reports sleeps and wake-ups to the statistics: operations in progress, durations, and the last state that the
// engine acknowledged. As in vLLM, the state after a wake-up is "awake", no matter which tags were woken.

import type { SleepLevel } from "../protocol/engine-calls.ts";
import type { SleepRecord, SleepState, StatListener } from "../protocol/stats.ts";

type Operation = SleepRecord["operation"];

const STATE_OF: Readonly<Record<SleepLevel, SleepState | null>> = {
  0: null,
  1: "weights_offloaded",
  2: "discard_all",
};

export class SleepRecorder {
  readonly #listeners: readonly StatListener[];
  readonly #nowMs: () => number;
  readonly #numInFlight: Record<Operation, number> = { sleep: 0, wake: 0 };
  #state: SleepState | null = "awake";

  constructor(listeners: readonly StatListener[], nowMs: () => number) {
    this.#listeners = listeners;
    this.#nowMs = nowMs;
  }

  sleep(run: () => Promise<SleepLevel>): Promise<SleepLevel> {
    return this.#time("sleep", run, (level) => STATE_OF[level]);
  }

  wakeUp(run: () => Promise<void>): Promise<void> {
    return this.#time("wake", run, () => "awake");
  }

  /** Called when a crashed engine has been replaced; the new one is awake. */
  restarted(): void {
    this.#state = "awake";
    this.#report("wake", null);
  }

  async #time<T>(
    operation: Operation,
    run: () => Promise<T>,
    stateAfter: (result: T) => SleepState | null,
  ): Promise<T> {
    const startMs = this.#nowMs();
    this.#numInFlight[operation]++;
    this.#report(operation, null);
    try {
      const result = await run();
      this.#state = stateAfter(result);
      return result;
    } finally {
      this.#numInFlight[operation]--;
      this.#report(operation, (this.#nowMs() - startMs) / 1000);
    }
  }

  #report(operation: Operation, durationS: number | null): void {
    const numInFlight = this.#numInFlight[operation];
    const record = { operation, numInFlight, durationS, state: this.#state };
    for (const listener of this.#listeners) listener.recordSleep?.(record);
  }
}
