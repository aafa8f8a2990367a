// What a sleeping engine has given up, and the order in which it gives up and takes back. All of it
// happens between steps. Nothing is scheduled from the first of it to the last: requests wait.

import { assert } from "../assert.ts";
import { EngineError } from "../errors.ts";
import type { ModelRunner } from "../runner/model-runner.ts";
import type { Scheduler } from "../scheduler/scheduler.ts";
import { type SleepLevel, WAKE_TAGS, type WakeTag } from "./protocol.ts";

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

  /**
   * Running requests are preempted, unless the sleep is a pause (level 0), which keeps K and V.
   * @returns the level in effect: a deeper sleep stays as it is
   * @throws EngineError "engine_sleep_failed", with the engine as it was
   */
  async sleep(level: SleepLevel): Promise<SleepLevel> {
    if (this.#level !== null && this.#level >= level) return this.#level;
    this.#scheduler.pause("hold");
    if (level !== 0) await this.#release(level);
    this.#level = level;
    return level;
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
      if (this.#level === null) this.#scheduler.resume();
      throw sleepError("sleep", cause);
    }
    this.#asleep = new Set(WAKE_TAGS);
  }
}

function sleepError(what: string, cause: unknown): EngineError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new EngineError("engine_sleep_failed", `The engine cannot ${what}: ${reason}`, { cause });
}
