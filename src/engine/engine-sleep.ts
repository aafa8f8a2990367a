// What a sleeping engine has given up, and the order in which it gives up and takes back. All of it
// happens between steps. Nothing is scheduled from the first of it to the last: requests wait.

import { assert } from "../assert.ts";
import { EngineError } from "../errors.ts";
import { type SleepLevel, WAKE_TAGS, type WakeTag } from "../protocol/engine-calls.ts";
import type { ModelRunner } from "../runner/model-runner.ts";
import type { Scheduler } from "../scheduler/scheduler.ts";

export class EngineSleep {
  readonly #scheduler: Scheduler;
  readonly #runner: ModelRunner;
  /** Null = awake. */
  #level: SleepLevel | null = null;
  /** What nobody has asked back yet. */
  #asleep: ReadonlySet<WakeTag> = new Set();

  constructor(scheduler: Scheduler, runner: ModelRunner) {
    this.#scheduler = scheduler;
    this.#runner = runner;
  }

  get isSleeping(): boolean {
    return this.#level !== null;
  }

  /** Requests that come wait from now on; the others go on, also after a pause, if they can. */
  holdArrivals(): void {
    const canRun = this.#asleep.size === 0;
    if (canRun) this.#scheduler.pause("drain");
  }

  /** @throws EngineError "engine_sleep_failed" when a sleep of `level` could not be woken from */
  async check(level: SleepLevel): Promise<void> {
    if (level !== 2 || this.#level === 2) return;
    try {
      await this.#runner.checkReload();
    } catch (cause) {
      throw this.#failed(cause);
    }
  }

  /**
   * Running requests are preempted, unless the sleep is a pause (level 0), which keeps K and V.
   * @returns the level in effect: a deeper sleep stays as it is, unless part of it has been woken
   * @throws EngineError "engine_sleep_failed", with the engine as it was
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
   * The KV cache lives beside the weights, so it comes back with the later of the two.
   * @throws EngineError "engine_sleep_failed": still asleep, to be tried again
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
    assert(this.#scheduler.kvCache.pool.resetPrefixCache(), "blocks are in use in a sleep");
    try {
      await this.#runner.sleep(level);
    } catch (cause) {
      throw this.#failed(cause);
    }
    this.#asleep = new Set(WAKE_TAGS);
  }

  /** The engine stays as it was: at work, or in the pause or the sleep before. */
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
