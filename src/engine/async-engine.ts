// The front of an engine: gives every request an id, splits n > 1 into sequences, routes the engine's
// messages to the readers and tells the stat listeners what happened. Knows no HTTP, and of the engine
// only its protocol.

import { EngineError, RequestError } from "../errors.ts";
import type { GenerateRequest, Generation } from "./generation.ts";
import { IterationStatsBuilder, type SequenceProgress } from "./iteration-stats.ts";
import type {
  EngineClient,
  EngineOutputs,
  RequestOutput,
  SleepLevel,
  SleepMode,
  WakeTag,
} from "./protocol.ts";
import { RequestTracker } from "./request-tracker.ts";
import { SleepRecorder } from "./sleep-recorder.ts";
import type { EngineLoad, StatListener } from "./stats.ts";

export interface AsyncEngineOptions {
  readonly listeners?: readonly StatListener[];
  /** Front clock, ms, monotonic. */
  readonly nowMs?: () => number;
  /** Most sequences in flight, n counted; further requests are refused with "queue_full". */
  readonly maxNumQueuedReqs?: number;
}

export class AsyncEngine {
  readonly client: EngineClient;
  readonly nowMs: () => number;
  readonly #listeners: readonly StatListener[];
  readonly #maxNumQueuedReqs: number;
  /** By the engine's request id. */
  readonly #sequences = new Map<string, SequenceProgress>();
  readonly #sleeps: SleepRecorder;
  #nextId = 0;
  #death: Error | null = null;
  #closed: EngineError | null = null;
  #load: EngineLoad = { kvCacheUsage: 0, numWaitingReqs: 0 };

  constructor(client: EngineClient, options: AsyncEngineOptions = {}) {
    this.client = client;
    this.nowMs = options.nowMs ?? (() => performance.now());
    this.#listeners = options.listeners ?? [];
    this.#maxNumQueuedReqs = options.maxNumQueuedReqs ?? Number.POSITIVE_INFINITY;
    this.#sleeps = new SleepRecorder(this.#listeners, this.nowMs);
    client.onOutputs((message) => this.#handle(message));
    client.died.then((error) => this.#die(error));
  }

  get isAlive(): boolean {
    return this.#death === null;
  }

  /** Sequences that have not finished. */
  get numLiveSequences(): number {
    return this.#sequences.size;
  }

  /** As the engine's last message has it. */
  get load(): EngineLoad {
    return this.#load;
  }

  /** As EngineClient.sleep(); told to the statistics. */
  async sleep(level: SleepLevel, mode: SleepMode): Promise<void> {
    await this.#sleeps.sleep(() => this.client.sleep(level, mode));
  }

  /** As EngineClient.wakeUp(); told to the statistics. */
  async wakeUp(tags: readonly WakeTag[]): Promise<void> {
    await this.#sleeps.wakeUp(() => this.client.wakeUp(tags));
  }

  /**
   * Queues a request at once; its outputs wait for the reader.
   * @throws EngineError "engine_dead", or what close() was given
   * @throws RequestError "queue_full"
   */
  generate(request: GenerateRequest): Generation {
    const { n } = request.samplingParams;
    if (this.#death !== null) throw deadError(this.#death);
    if (this.#closed !== null) throw this.#closed;
    if (this.#sequences.size + n > this.#maxNumQueuedReqs) {
      throw new RequestError(
        "queue_full",
        `The server is at its limit of ${this.#maxNumQueuedReqs} requests in flight. Retry later.`,
      );
    }
    const parentId = String(this.#nextId++);
    const ids = Array.from({ length: n }, (_, i) => (n === 1 ? parentId : `${parentId}-${i}`));
    const tracker = new RequestTracker(request, ids, (aborted) => this.#abort(aborted));
    ids.forEach((requestId, index) => {
      this.#sequences.set(requestId, newProgress(tracker, index));
      this.client.add(childRequest(request, ids, index));
    });
    return tracker;
  }

  /** Ends every live request: its reader gets `error`, its blocks are freed. */
  failAll(error: EngineError): void {
    const ids = [...this.#sequences.keys()];
    for (const { tracker } of this.#sequences.values()) tracker.fail(error);
    this.client.abort(ids);
  }

  /** As failAll(), and what comes later is refused with `error`. */
  close(error: EngineError): void {
    this.#closed = error;
    this.failAll(error);
  }

  #abort(tracker: RequestTracker): void {
    const live = tracker.requestIds.filter((id) => this.#sequences.has(id));
    if (live.length > 0) this.client.abort(live);
  }

  #handle(message: EngineOutputs): void {
    const { outputs, stats } = message;
    this.#load = stats;
    const builder = outputs.length > 0 ? new IterationStatsBuilder(this.nowMs()) : null;
    for (const output of outputs) if (builder !== null) this.#route(output, builder);
    const iteration = builder?.build() ?? null;
    for (const listener of this.#listeners) listener.record(stats, iteration);
  }

  #route(output: RequestOutput, builder: IterationStatsBuilder): void {
    const progress = this.#sequences.get(output.requestId);
    if (progress === undefined) return;
    const { tracker, index } = progress;
    if (output.finishReason !== null) this.#sequences.delete(output.requestId);
    builder.add(progress, output);
    if (output.finishReason === "error") {
      tracker.fail(new EngineError("engine_step_failed", "Internal server error"));
    } else {
      tracker.push(index, output);
    }
  }

  #die(error: Error): void {
    this.#death = error;
    for (const { tracker } of this.#sequences.values()) tracker.fail(deadError(error));
    this.#sequences.clear();
  }
}

function newProgress(tracker: RequestTracker, index: number): SequenceProgress {
  return { tracker, index, numGenerationTokens: 0, numPreemptions: 0, lastTokenS: null };
}

/** Sequence `index` of a request: children share the first one's prompt blocks and differ in seed. */
function childRequest(request: GenerateRequest, ids: readonly string[], index: number) {
  const { promptTokenIds, priority, cacheSalt } = request;
  const { seed, promptLogprobs } = request.samplingParams;
  const samplingParams = {
    ...request.samplingParams,
    n: 1,
    seed: seed === null ? null : seed + BigInt(index),
    promptLogprobs: index === 0 ? promptLogprobs : null,
  };
  return {
    requestId: ids[index] ?? "",
    promptTokenIds,
    samplingParams,
    priority,
    cacheSalt,
    forkOf: index === 0 ? null : (ids[0] ?? null),
  };
}

function deadError(cause: Error): EngineError {
  return new EngineError("engine_dead", `The engine has stopped: ${cause.message}`, { cause });
}
