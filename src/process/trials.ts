// Tracks each call that could crash the engine, from its arrival to its end. Suspects decides whether the call
// runs, waits for its trial, or is refused.

import { OverloadError, RequestError } from "../errors.ts";
import type { RequestOutput } from "../protocol/protocol.ts";
import type { SuspectHash } from "./suspect-hash.ts";
import { type Attempt, Suspects } from "./suspects.ts";

/** A call that could crash the engine. */
export interface Trial extends Attempt {
  /** ID known to the client, or the name of the call. */
  readonly name: string;
  /** IDs of the sequences that the call generates; empty if the call ends when it returns. */
  readonly requestIds: readonly string[];
  numUnfinished: number;
  isWell: boolean;
}

/** A suspect that has waited this long for its turn is refused; its client can retry it. */
const MAX_WAIT_MS = 30_000;
const RETRY_AFTER_S = 10;

interface Waiter {
  readonly begin: () => void;
  readonly refuse: (error: Error) => void;
}

export class Trials {
  readonly #suspects = new Suspects<Trial>();
  readonly #waiters = new Map<Trial, Waiter>();
  /** Running calls, by the IDs of their sequences. */
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
   * @returns null if the call can be made immediately; otherwise, a promise that resolves when the call can be made
   * @throws RequestError "suspect_request". The promise rejects with OverloadError "queue_timeout",
   *   RequestError "request_canceled" or the error passed to refuseWaiting()
   */
  arrive(trial: Trial): Promise<void> | null {
    const ruling = this.#suspects.arrive(performance.now(), trial);
    if (ruling === "refused") throw new RequestError("suspect_request", REFUSAL);
    if (ruling === "waits") return this.#wait(trial);
    this.#begin(trial);
    return null;
  }

  /** Called when the call has returned. A call that generates sequences ends with the last of them. */
  returned(trial: Trial): void {
    if (trial.requestIds.length === 0) this.#end(trial, true);
  }

  /** Called when the call was refused. @param isWell whether the engine examined the call before it refused it */
  refused(trial: Trial, isWell: boolean): void {
    this.#end(trial, isWell);
  }

  /** Records a live engine's outputs. */
  record(outputs: readonly RequestOutput[]): void {
    for (const { requestId, finishReason } of outputs) {
      if (finishReason === null) continue;
      const trial = this.#generating.get(requestId);
      if (trial === undefined) continue;
      trial.isWell &&= finishReason === "stop" || finishReason === "length";
      if (--trial.numUnfinished === 0) this.#end(trial, trial.isWell);
    }
  }

  /** Refuses aborted calls that are waiting for their trial. */
  abort(requestIds: readonly string[]): void {
    this.#refuse(requestIds, new RequestError("request_canceled", "The request was canceled."));
  }

  /** Refuses calls that have reached the queue timeout while waiting for their trial. */
  abortQueued(requestIds: readonly string[]): void {
    this.#refuse(requestIds, notTried());
  }

  recordDeath(nowMs: number): void {
    this.#suspects.recordDeath(nowMs);
    this.#generating.clear();
  }

  refuseWaiting(error: Error): void {
    for (const { refuse } of this.#waiters.values()) refuse(error);
  }

  #refuse(requestIds: readonly string[], error: Error): void {
    for (const [trial, { refuse }] of this.#waiters) {
      if (requestIds.some((id) => trial.requestIds.includes(id))) refuse(error);
    }
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
  "This request is refused for now because the engine crashed repeatedly while processing it.";

function notTried(): OverloadError {
  const message =
    "The engine crashed while processing this request; other suspected requests are retried first. Retry later.";
  return new OverloadError("queue_timeout", message, RETRY_AFTER_S);
}
