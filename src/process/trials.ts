// Follows each call that may kill the engine from its arrival to its end, as Suspects rules: lets it run,
// keeps it waiting for its trial, or refuses it.

import { OverloadError, RequestError } from "../errors.ts";
import type { RequestOutput } from "../protocol/protocol.ts";
import type { SuspectHash } from "./suspect-hash.ts";
import { type Attempt, Suspects } from "./suspects.ts";

/** A call that comes in. */
export interface Trial extends Attempt {
  /** Id that the client knows, or the name of the call. */
  readonly name: string;
  /** Of the sequences that it generates; empty: the answer to the call is its end. */
  readonly requestIds: readonly string[];
  numUnfinished: number;
  isWell: boolean;
}

/** A suspect whose turn does not come for so long is to come back later. */
const MAX_WAIT_MS = 30_000;
const RETRY_AFTER_S = 10;

interface Waiter {
  readonly begin: () => void;
  readonly refuse: (error: Error) => void;
}

export class Trials {
  readonly #suspects = new Suspects<Trial>();
  readonly #waiters = new Map<Trial, Waiter>();
  /** Running ones by the ids of what they generate. */
  readonly #generating = new Map<string, Trial>();
  readonly #maxWaitMs: number;

  constructor(maxWaitMs = MAX_WAIT_MS) {
    this.#maxWaitMs = maxWaitMs;
  }

  /** Names of the calls in progress. */
  get running(): readonly string[] {
    return Array.from(this.#suspects.running, ({ name }) => name);
  }

  /**
   * @returns null when the call may be made at once; else a promise that resolves when it may
   * @throws RequestError "suspect_request"; of the promise OverloadError "queue_timeout" and what
   *   refuseWaiting() was given
   */
  arrive(trial: Trial): Promise<void> | null {
    const ruling = this.#suspects.arrive(performance.now(), trial);
    if (ruling === "refused") throw new RequestError("suspect_request", REFUSAL);
    if (ruling === "waits") return this.#wait(trial);
    this.#begin(trial);
    return null;
  }

  /** The call was answered. What it generates is still to come. */
  answered(trial: Trial): void {
    if (trial.requestIds.length === 0) this.#end(trial, true);
  }

  /** The call was refused. @param isWell by an engine that has read it */
  refused(trial: Trial, isWell: boolean): void {
    this.#end(trial, isWell);
  }

  /** Of an engine that lives. */
  record(outputs: readonly RequestOutput[]): void {
    for (const { requestId, finishReason } of outputs) {
      if (finishReason === null) continue;
      const trial = this.#generating.get(requestId);
      if (trial === undefined) continue;
      trial.isWell &&= finishReason === "stop" || finishReason === "length";
      if (--trial.numUnfinished === 0) this.#end(trial, trial.isWell);
    }
  }

  /** Those of them that wait do so no longer. */
  abort(requestIds: readonly string[]): void {
    for (const [trial, { refuse }] of this.#waiters) {
      if (requestIds.some((id) => trial.requestIds.includes(id))) refuse(notTried());
    }
  }

  recordDeath(nowMs: number): void {
    this.#suspects.recordDeath(nowMs);
    this.#generating.clear();
  }

  refuseWaiting(error: Error): void {
    for (const { refuse } of this.#waiters.values()) refuse(error);
  }

  #begin(trial: Trial): void {
    for (const id of trial.requestIds) this.#generating.set(id, trial);
  }

  #end(trial: Trial, isWell: boolean): void {
    for (const id of trial.requestIds) this.#generating.delete(id);
    this.#suspects.finish(trial, isWell);
    for (const next of this.#suspects.takeNext(performance.now())) this.#waiters.get(next)?.begin();
  }

  #wait(trial: Trial): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const stop = () => {
      clearTimeout(timer);
      this.#waiters.delete(trial);
    };
    const begin = () => {
      stop();
      this.#begin(trial);
      resolve();
    };
    const refuse = (error: Error) => {
      stop();
      this.#suspects.leave(trial);
      reject(error);
    };
    const timer = setTimeout(() => refuse(notTried()), this.#maxWaitMs);
    this.#waiters.set(trial, { begin, refuse });
    return promise;
  }
}

export function trialOf(name: string, hash: SuspectHash, requestIds: readonly string[]): Trial {
  return { name, hash, requestIds, numUnfinished: requestIds.length, isWell: true };
}

const REFUSAL =
  "The engine died twice while it worked on this request, which is not tried again for now.";

function notTried(): OverloadError {
  const message =
    "The engine died while it worked on this request, and others of that moment are tried before it. Retry later.";
  return new OverloadError("queue_timeout", message, RETRY_AFTER_S);
}
