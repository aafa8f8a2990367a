// The front's view of one request: its n sequences, the queue of outputs that its reader has not
// taken, and the marks on the front's clock. Outputs that wait are merged per sequence, so a slow
// reader holds at most one output a sequence; one that leaves too much unread loses its request.

import { EngineError, RequestError } from "../errors.ts";
import { type JoinedOutput, joinedOutput, joinOutput } from "../protocol/joined-outputs.ts";
import type { Prompt, RequestOutput } from "../protocol/protocol.ts";
import type { DecodedLogprob, PositionLogprobs } from "../request/logprobs.ts";
import { USUAL_LOGPROBS } from "../request/sampling-params.ts";
import { Signal } from "../signal.ts";
import type { FrontRequest, OutputStream, SequenceOutput } from "./output-stream.ts";
import type { Arrival } from "./throughput.ts";

export interface TrackerOptions {
  readonly request: FrontRequest;
  /** Of the engine, by sequence. */
  readonly requestIds: readonly string[];
  readonly arrival: Arrival;
  /** Most that a reader may leave unread, bytes, estimated; null = no limit. */
  readonly maxUnreadBytes: number | null;
  readonly abort: (tracker: RequestTracker) => void;
}

export class RequestTracker implements OutputStream {
  readonly request: FrontRequest;
  readonly requestIds: readonly string[];
  readonly arrival: Arrival;
  readonly promptTokenIds: Promise<Int32Array>;
  /** Of the prompt, while it waits for a first output; as far as they are known. */
  numQueuedTokens: number;
  /** Time after which its wait for a first step was ended, ms; null while that has not happened. */
  queueTimeoutMs: number | null = null;
  /** Sequences that go on. */
  #numLive: number;
  readonly #abort: (tracker: RequestTracker) => void;
  readonly #maxUnreadBytes: number;
  readonly #deadlines: Timer[] = [];
  readonly #queued = Promise.withResolvers<Int32Array>();
  /** Size of everything added to outputs that a reader has not taken yet. */
  #numUnreadBytes = 0;
  /** The same size by sequence. */
  readonly #unreadBytes: number[];
  readonly #waiting: ((SequenceOutput & JoinedOutput) | undefined)[];
  readonly #order: number[] = [];
  #error: Error | null = null;
  readonly #change = new Signal();

  constructor({ request, requestIds, arrival, maxUnreadBytes, abort }: TrackerOptions) {
    this.request = request;
    this.requestIds = requestIds;
    this.arrival = arrival;
    this.#numLive = requestIds.length;
    this.#maxUnreadBytes = maxUnreadBytes ?? Number.POSITIVE_INFINITY;
    this.#abort = abort;
    this.#waiting = new Array(requestIds.length);
    this.#unreadBytes = new Array<number>(requestIds.length).fill(0);
    this.numQueuedTokens = knownTokens(request.prompt);
    this.promptTokenIds = this.#queued.promise;
    // Whoever reads the outputs alone is told there.
    this.promptTokenIds.catch(() => {});
  }

  /** All sequences have ended: nothing follows what waits for the reader. */
  get isDone(): boolean {
    return this.#numLive === 0;
  }

  /** Called once for each sequence. */
  endSequence(): void {
    this.#numLive--;
  }

  abort(): void {
    this.#abort(this);
  }

  /** Calls `act` unless the request ends within `ms`; null = never. */
  after(ms: number | null, act: (ms: number) => void): void {
    if (ms !== null) this.#deadlines.push(setTimeout(() => act(ms), ms));
  }

  /** No deadline matters any more. */
  clearDeadlines(): void {
    for (const timer of this.#deadlines) clearTimeout(timer);
  }

  /** @returns the prompt's tokens, once: they wait no longer */
  takeQueuedTokens(): number {
    const numTokens = this.numQueuedTokens;
    this.numQueuedTokens = 0;
    return numTokens;
  }

  /** The engine has read the prompt. */
  queued(promptTokenIds: Int32Array): void {
    this.#queued.resolve(promptTokenIds);
  }

  push(index: number, output: RequestOutput): void {
    if (this.#error !== null) return;
    const waiting = this.#waiting[index];
    // A sequence's first waiting output may have any size: log-probabilities of a long prompt are large.
    if (waiting !== undefined) this.#countUnread(index, estimatedBytes(output));
    if (this.#numUnreadBytes > this.#maxUnreadBytes) {
      this.fail(new RequestError("slow_reader", "The answer was not read fast enough."));
      this.abort();
      return;
    }
    if (waiting !== undefined) joinOutput(waiting, output);
    else {
      this.#order.push(index);
      this.#waiting[index] = joinedOutput({ ...output, index });
    }
    this.#change.notify();
  }

  fail(error: Error): void {
    this.#error ??= error;
    this.#queued.reject(this.#error);
    this.#change.notify();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<SequenceOutput> {
    try {
      for (;;) {
        const index = this.#order.shift();
        // What has been counted is delivered, also before an error.
        if (index !== undefined) yield this.#take(index);
        else if (this.#error !== null) throw this.#error;
        else if (this.isDone) return;
        else await this.#change.wait();
      }
    } finally {
      this.abort();
    }
  }

  #take(index: number): SequenceOutput {
    const output = this.#waiting[index];
    this.#waiting[index] = undefined;
    if (output === undefined) throw new EngineError("engine_dead", "output queue is inconsistent");
    this.#countUnread(index, -(this.#unreadBytes[index] ?? 0));
    return output;
  }

  #countUnread(index: number, numBytes: number): void {
    this.#unreadBytes[index] = (this.#unreadBytes[index] ?? 0) + numBytes;
    this.#numUnreadBytes += numBytes;
  }
}

/** How many tokens a prompt has for certain, before the engine has read it. */
export function knownTokens(prompt: Prompt): number {
  return prompt instanceof Int32Array ? prompt.length : 1;
}

const BYTES_PER_LOGPROB = 64;

/** Estimates the memory that an output takes, and later its part of the answer. */
function estimatedBytes({ text, tokenIds, logprobs, promptLogprobs }: RequestOutput): number {
  const numLogprobs = countLogprobs(logprobs) + countLogprobs(promptLogprobs);
  return text.length + 8 * tokenIds.length + BYTES_PER_LOGPROB * numLogprobs;
}

function countLogprobs(positions: readonly PositionLogprobs<DecodedLogprob>[] | null): number {
  // Counts above the usual are rare in an answer as a whole: see checkNumLogprobs().
  const countOf = ({ top }: PositionLogprobs<DecodedLogprob>) =>
    Math.min(top.length, USUAL_LOGPROBS) + 1;
  return positions === null ? 0 : positions.reduce((sum, position) => sum + countOf(position), 0);
}
