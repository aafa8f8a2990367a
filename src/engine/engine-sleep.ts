// Sleep and wake-up: decides which memory to release, and in what order to release and restore it. All of this happens
// between steps. From the first release to the last restore, nothing is scheduled and requests wait.

import { assert } from "../assert.ts";
import { EngineError } from "../errors.ts";
import { type SleepLevel, WAKE_TAGS, type WakeTag } from "../protocol/engine-calls.ts";
import type { ModelRunner } from "../runner/model-runner.ts";
import type { Scheduler } from "../scheduler/scheduler.ts";

export class EngineSleep {
  readonly #scheduler: Scheduler;
  readonly #runner: ModelRunner;
  /** Level of the current sleep; null = awake. */
  #level: SleepLevel | null = null;
  /** Parts that are still released. */
  #asleep: ReadonlySet<WakeTag> = new Set();

  constructor(scheduler: Scheduler, runner: ModelRunner) {
    this.#scheduler = scheduler;
    this.#runner = runner;
  }

  get isSleeping(): boolean {
    return this.#level !== null;
  }

  /** Makes new requests wait. Requests in progress continue, even after a pause, as long as no memory is released. */
  holdArrivals(): void {
    const canRun = this.#asleep.size === 0;
    if (canRun) this.#scheduler.pause("drain");
  }

  /** @throws EngineError "engine_sleep_failed" if the engine could not wake up from a sleep at `level` */
  async check(level: SleepLevel): Promise<void> {
    if (level !== 2 || this.#level === 2) return;
    try {
      await this.#runner.checkReload();
    } catch (cause) {
      throw this.#failed(cause);
    }
  }

  /**
   * Preempts running requests, unless the sleep is only a pause (level 0), which keeps K and V.
   * @returns the level in effect: a deeper sleep remains in effect unless part of the engine has been woken
   * @throws EngineError "engine_sleep_failed", leaving the engine unchanged
   */
  async sleep(level: SleepLevel): Promise<SleepLevel> {
    const isDeepEnough = this.#level !== null && this.#level >= level;
    const isPartlyAwake =
      this.#level !== null && this.#level > 0 && this.#asleep.size < WAKE_TAGS.length;
    if (isDeepEnough && !isPartlyAwake) return this.#level ?? level;
    this.#scheduler.pause("hold");
    const reached = isDeepEnough && this.#asleep.has("weights") ? (this.#level ?? level) : level;
    if (reached > 0) await this.#release(reached as 1 | 2);
    this.#level = reached;
    return reached;
  }

  /**
   * Wakes the parts named by the tags. The KV cache needs the weights, so it is restored only once both tags
   * have been woken.
   * @throws EngineError "engine_sleep_failed"; the engine is still asleep, and the call can be retried
   */
  async wakeUp(tags: readonly WakeTag[]): Promise<void> {
    if (this.#level === null) return;
    const asleep = new Set([...this.#asleep].filter((tag) => !tags.includes(tag)));
    try {
      if (!asleep.has("weights")) await this.#runner.wakeWeights();
      if (asleep.size === 0) await this.#runner.wakeKvCache();
    } catch (cause) {
      throw sleepError("wake up", cause);
    }
    this.#asleep = asleep;
    if (asleep.size > 0) return;
    this.#level = null;
    this.#scheduler.resume();
  }

  async #release(level: 1 | 2): Promise<void> {
    this.#scheduler.preemptAll();
    assert(this.#scheduler.kvCache.pool.resetPrefixCache(), "blocks are in use during a sleep");
    try {
      await this.#runner.sleep(level);
    } catch (cause) {
      throw this.#failed(cause);
    }
    this.#asleep = new Set(WAKE_TAGS);
  }

  /** Returns to the state before the call: running, paused or asleep. */
  #failed(cause: unknown): EngineError {
    if (this.#level === null) this.#scheduler.resume();
    else this.#scheduler.pause("hold");
    return sleepError("sleep", cause);
  }
}

function sleepError(what: string, cause: unknown): EngineError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new EngineError("engine_sleep_failed", `The engine cannot ${what}: ${reason}`, { cause });
}
