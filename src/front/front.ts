// The front of an engine: assigns IDs, splits requests with n > 1 into sequences, routes the engine's messages to
// readers, and reports to stat listeners. Does not depend on HTTP, only on the engine's protocol.

import { EngineError, engineDead, OverloadError, RequestError } from "../errors.ts";
import type { EngineCalls } from "../protocol/engine-calls.ts";
import type {
  EngineClient,
  EngineInfo,
  EngineOutputs,
  RequestOutput,
} from "../protocol/protocol.ts";
import type { EngineLoad, StatListener } from "../protocol/stats.ts";
import { ADAPTER_FAILED, GRAMMAR_FAILED } from "../request/request-status.ts";
import { Admission, type Reservation } from "./admission.ts";
import {
  IterationStatsBuilder,
  type ParentProgress,
  type SequenceProgress,
} from "./iteration-stats.ts";
import type { FrontRequest, OutputStream } from "./output-stream.ts";
import { knownTokens, RequestTracker } from "./request-tracker.ts";
import { SleepRecorder } from "./sleep-recorder.ts";

export interface FrontOptions {
  readonly listeners?: readonly StatListener[];
  /** The front's monotonic clock, in ms. */
  readonly nowMs?: () => number;
  readonly limits?: Partial<FrontLimits>;
}

/** A front's limits. For each, null (the default) = no limit. */
export interface FrontLimits {
  /** Maximum number of sequences in flight; any beyond that are refused with "queue_full". */
  readonly maxNumQueuedReqs: number | null;
  /**
   * Maximum number of prompt tokens in requests that have no output yet; any beyond that are also refused with
   * "queue_full".
   */
  readonly maxNumQueuedTokens: number | null;
  /** Maximum wait for the first step, after which the request fails with "queue_timeout". */
  readonly queueTimeoutMs: number | null;
  /** Maximum time from arrival to end, after which the request fails with "engine_request_timeout". */
  readonly requestTimeoutMs: number | null;
  /** Maximum amount of unread output; a request that exceeds it fails with "slow_reader". */
  readonly maxUnreadBytes: number | null;
}

const UNLIMITED: FrontLimits = {
  maxNumQueuedReqs: null,
  maxNumQueuedTokens: null,
  queueTimeoutMs: null,
  requestTimeoutMs: null,
  maxUnreadBytes: null,
};

export class Front {
  readonly #client: EngineClient;
  /** The engine's calls. Sleeps and wake-ups are recorded in the statistics. */
  readonly calls: EngineCalls;
  readonly nowMs: () => number;
  readonly #listeners: readonly StatListener[];
  readonly #limits: FrontLimits;
  readonly #admission: Admission;
  /** Live sequences, by the engine's request ID. */
  readonly #sequences = new Map<string, SequenceProgress>();
  readonly #sleeps: SleepRecorder;
  #nextId = 0;
  #death: EngineError | null = null;
  #closed: EngineError | null = null;
  #load: EngineLoad = { kvCacheUsage: 0, numWaitingReqs: 0 };

  constructor(client: EngineClient, options: FrontOptions = {}) {
    this.#client = client;
    this.nowMs = options.nowMs ?? (() => performance.now());
    this.#listeners = options.listeners ?? [];
    this.#limits = { ...UNLIMITED, ...options.limits };
    this.#admission = new Admission(this.#limits, this.nowMs);
    this.#sleeps = new SleepRecorder(this.#listeners, this.nowMs);
    const { calls } = client;
    this.calls = {
      ...calls,
      sleep: (level, mode) => this.#sleeps.sleep(() => calls.sleep(level, mode)),
      wakeUp: (tags) => this.#sleeps.wakeUp(() => calls.wakeUp(tags)),
    };
    client.onOutputs((message) => this.#handle(message));
    client.onRestart(() => {
      this.#sleeps.restarted();
      for (const listener of this.#listeners) listener.recordRestart?.();
    });
    client.died.then((error) => this.#die(error));
  }

  get info(): EngineInfo {
    return this.#client.info;
  }

  /** Reason the engine refuses work at the moment; null while it accepts work. */
  get unavailable(): EngineError | null {
    return this.#death ?? this.#closed ?? this.#client.unavailable;
  }

  /** Number of sequences that have not finished. */
  get numLiveSequences(): number {
    return this.#sequences.size;
  }

  /** Maximum number of prompt tokens in requests without output; null = no limit. */
  get maxNumQueuedTokens(): number | null {
    return this.#limits.maxNumQueuedTokens;
  }

  /** Load reported in the engine's last message. */
  get load(): EngineLoad {
    return this.#load;
  }

  /**
   * Reserves capacity for an HTTP request before any work is done for it. The caller must release it.
   * @param externalId ID by which cancel() finds the request until the reservation is released
   * @throws OverloadError "queue_full"
   * @throws RequestError "invalid_value" if the request would not fit even into an empty queue
   */
  reserve(numSequences: number, externalId: string | null = null): Reservation {
    return this.#admission.reserve(numSequences, externalId);
  }

  /** Reserves capacity for later prompts of a request that has been admitted, which is never refused. */
  reserveMore(prompts: readonly Int32Array[]): Reservation {
    const numTokens = prompts.reduce((sum, { length }) => sum + length, 0);
    return this.#admission.extend(prompts.length, numTokens);
  }

  /** Time after which a client should retry a refused request, in whole seconds. */
  get retryAfterS(): number {
    return this.#admission.retryAfterS;
  }

  /**
   * Passes a request to the engine immediately; its outputs wait for the reader. If the engine refuses the request,
   * promptTokenIds and the outputs fail with the error from EngineClient.add(). If the tokenized prompt turns out to
   * exceed the capacity for prompt tokens, they fail with OverloadError "queue_full".
   * @param reservation capacity for the request; if absent, it is reserved here
   * @throws EngineError the value of `unavailable`, unless it is null
   * @throws OverloadError and RequestError for the same reasons as reserve()
   */
  generate(request: FrontRequest, reservation?: Reservation): OutputStream {
    const { n } = request.samplingParams;
    if (this.unavailable !== null) throw this.unavailable;
    const numTokens = knownTokens(request.prompt);
    (reservation ?? this.#reserveAll(n, numTokens)).take(n, numTokens);
    const parentId = String(this.#nextId++);
    const ids = Array.from({ length: n }, (_, i) => (n === 1 ? parentId : `${parentId}-${i}`));
    const { maxUnreadBytes } = this.#limits;
    const abort = (aborted: RequestTracker) => this.#abort(aborted);
    const arrival = this.#admission.beginSequences();
    const tracker = new RequestTracker({
      request,
      requestIds: ids,
      arrival,
      maxUnreadBytes,
      abort,
    });
    // Outputs can arrive before add() resolves.
    const parent = { tracker, maxNumGenerationTokens: 0 };
    for (const [index, id] of ids.entries()) this.#sequences.set(id, newProgress(parent, index));
    this.#setDeadlines(tracker);
    void this.#add(tracker);
    if (reservation?.isCanceled) this.#abort(tracker);
    return tracker;
  }

  async #add(tracker: RequestTracker): Promise<void> {
    const { requestIds } = tracker;
    const { arrivalMs: _, ...request } = tracker.request;
    try {
      const promptTokenIds = await this.#client.add({ ...request, requestIds });
      this.#countPrompt(tracker, promptTokenIds.length);
      tracker.queued(promptTokenIds);
    } catch (error) {
      tracker.clearDeadlines();
      this.#client.abort(requestIds);
      const numLeft = requestIds.filter((id) => this.#sequences.delete(id)).length;
      this.#admission.giveBack(numLeft, tracker.takeQueuedTokens());
      tracker.fail(error instanceof Error ? error : new Error(String(error)));
    }
  }

  /** @throws OverloadError and RequestError for the same reasons as Admission.addTokens() */
  #countPrompt(tracker: RequestTracker, numTokens: number): void {
    // The first output can arrive before add() resolves.
    if (tracker.numQueuedTokens === 0) return;
    this.#admission.addTokens(numTokens, tracker.numQueuedTokens);
    tracker.numQueuedTokens = numTokens;
  }

  #reserveAll(numSequences: number, numTokens: number): Reservation {
    const reservation = this.reserve(numSequences);
    try {
      reservation.addTokens(numTokens);
      return reservation;
    } catch (error) {
      reservation.release();
      throw error;
    }
  }

  #setDeadlines(tracker: RequestTracker): void {
    const { queueTimeoutMs, requestTimeoutMs } = this.#limits;
    tracker.after(queueTimeoutMs, (ms) => {
      tracker.queueTimeoutMs = ms;
      this.#client.abortQueued(tracker.requestIds.slice(0, 1));
    });
    tracker.after(requestTimeoutMs, (ms) => {
      const message = `The request took longer than ${ms / 1000} s.`;
      tracker.fail(new EngineError("engine_request_timeout", message));
      tracker.abort();
    });
  }

  /** Ends every live request: its reader gets `error`, and its blocks are freed. */
  failAll(error: EngineError): void {
    const ids = [...this.#sequences.keys()];
    for (const { parent } of this.#sequences.values()) parent.tracker.fail(error);
    this.#client.abort(ids);
  }

  /** Like failAll(), but also refuses later requests with `error`. */
  close(error: EngineError): void {
    this.#closed = error;
    this.failAll(error);
  }

  /**
   * Ends the requests with this ID, including any that only hold a reservation. Their outputs finish with "abort".
   * @returns false if there are none
   */
  cancel(externalId: string): boolean {
    const sequences = [...this.#sequences.values()];
    const trackers = new Set(sequences.map(({ parent }) => parent.tracker));
    const named = [...trackers].filter(({ request }) => request.externalId === externalId);
    for (const tracker of named) this.#abort(tracker);
    return this.#admission.cancel(externalId) || named.length > 0;
  }

  #abort(tracker: RequestTracker): void {
    const live = tracker.requestIds.filter((id) => this.#sequences.has(id));
    if (live.length > 0) this.#client.abort(live);
  }

  #handle(message: EngineOutputs): void {
    const { outputs, stats } = message;
    this.#load = stats;
    const builder =
      outputs.length > 0
        ? new IterationStatsBuilder(this.nowMs(), this.#client.info.maxModelLen)
        : null;
    for (const output of outputs) if (builder !== null) this.#route(output, builder);
    const iteration = builder?.build() ?? null;
    for (const listener of this.#listeners) listener.record(stats, iteration);
  }

  #route(output: RequestOutput, builder: IterationStatsBuilder): void {
    const progress = this.#sequences.get(output.requestId);
    if (progress === undefined) return;
    const { parent, index } = progress;
    const { tracker } = parent;
    if (output.finishReason !== null) this.#endSequence(output.requestId, tracker);
    builder.add(progress, output);
    if (output.tokenIds.length > 0) this.#admission.endPrompt(tracker.takeQueuedTokens());
    if (output.finishReason === "error") {
      tracker.fail(FAILURES.get(output.stopReason)?.() ?? this.#stepFailed());
    } else if (tracker.queueTimeoutMs !== null && isUnscheduled(index, output)) {
      tracker.fail(this.#queueTimeout(tracker.queueTimeoutMs));
      tracker.abort();
    } else {
      tracker.push(index, output);
    }
  }

  #endSequence(requestId: string, tracker: RequestTracker): void {
    this.#sequences.delete(requestId);
    this.#admission.endSequence(tracker.arrival);
    tracker.endSequence();
    if (!tracker.isDone) return;
    this.#admission.endPrompt(tracker.takeQueuedTokens());
    tracker.clearDeadlines();
  }

  /** Hides the cause, which is logged, but says whether the engine crashed, so the client knows that it can retry. */
  #stepFailed(): EngineError {
    const message =
      this.#client.unavailable === null
        ? "Internal server error"
        : "The engine crashed while this request was in progress. Retry later.";
    return new EngineError("engine_step_failed", message);
  }

  #queueTimeout(waitedMs: number): OverloadError {
    const message = `The request waited in the queue for ${waitedMs / 1000} s. Retry later.`;
    return new OverloadError("queue_timeout", message, this.retryAfterS);
  }

  #die(error: Error): void {
    this.#death = engineDead(error);
    for (const [id, { parent }] of this.#sequences) {
      parent.tracker.fail(this.#death);
      this.#endSequence(id, parent.tracker);
    }
  }
}

/**
 * @returns true if an output ends a request that no step has begun to compute. The queue timeout
 * ends only such requests. Only the first sequence counts, since the others can start later.
 */
function isUnscheduled(index: number, { finishReason, timeline }: RequestOutput): boolean {
  return finishReason === "abort" && index === 0 && timeline.scheduledS === null;
}

function newProgress(parent: ParentProgress, index: number): SequenceProgress {
  return { parent, index, numGenerationTokens: 0, numPreemptions: 0, lastTokenS: null };
}

/** Errors of sequences that ended with an error that is not a failed step, by stop reason. */
const FAILURES = new Map<unknown, () => Error>([
  [GRAMMAR_FAILED, grammarFailed],
  [ADAPTER_FAILED, adapterFailed],
]);

function adapterFailed(): EngineError {
  return new EngineError("engine_adapter_failed", "The request's adapter cannot be loaded.");
}

function grammarFailed(): RequestError {
  const message =
    "The output cannot continue: the request's grammar or schema became too complex, or the other constraints leave no " +
    "token that it allows.";
  return new RequestError("invalid_value", message);
}
