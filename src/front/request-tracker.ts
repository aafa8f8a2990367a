// The front's state for one request: its n sequences, the queue of outputs that its reader has not taken, and
// its timestamps on the front's clock. Waiting outputs are merged per sequence, so at most one output per sequence
// waits for a slow reader. A request with too much unread output fails.

import { EngineError, RequestError } from "../errors.ts";
import { type JoinedOutput, joinedOutput, joinOutput } from "../protocol/joined-outputs.ts";
import type { MessagePart } from "../protocol/message-part.ts";
import type { Prompt, RequestOutput } from "../protocol/protocol.ts";
import type { DecodedLogprob, PositionLogprobs } from "../request/logprobs.ts";
import { USUAL_LOGPROBS } from "../request/sampling-params.ts";
import { Signal } from "../signal.ts";
import type { FrontRequest, OutputStream, SequenceOutput } from "./output-stream.ts";
import type { Arrival } from "./throughput.ts";

export interface TrackerOptions {
  readonly request: FrontRequest;
  /** The engine's request IDs, one per sequence. */
  readonly requestIds: readonly string[];
  readonly arrival: Arrival;
  /** Maximum estimated size of unread output, in bytes; null = no limit. */
  readonly maxUnreadBytes: number | null;
  readonly abort: (tracker: RequestTracker) => void;
}

export class RequestTracker implements OutputStream {
  readonly request: FrontRequest;
  readonly requestIds: readonly string[];
  readonly arrival: Arrival;
  readonly promptTokenIds: Promise<Int32Array>;
  /** Number of prompt tokens known so far while the request waits for its first output; 0 after that. */
  numQueuedTokens: number;
  /** The queue timeout in ms, set once it has passed; null until then. */
  queueTimeoutMs: number | null = null;
  /** Number of sequences that have not ended. */
  #numLive: number;
  readonly #abort: (tracker: RequestTracker) => void;
  readonly #maxUnreadBytes: number;
  readonly #deadlines: Timer[] = [];
  readonly #queued = Promise.withResolvers<Int32Array>();
  /** Size of everything merged into outputs that the reader has not taken. */
  #numUnreadBytes = 0;
  /** Unread bytes for each sequence. */
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
    // A caller that does not await this promise gets the error from the outputs.
    this.promptTokenIds.catch(() => {});
  }

  /** True once all sequences have ended, so that nothing follows the waiting outputs. */
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

  /** Calls `act` unless the request ends within `ms`; if `ms` is null, never calls it. */
  after(ms: number | null, act: (ms: number) => void): void {
    if (ms !== null) this.#deadlines.push(setTimeout(() => act(ms), ms));
  }

  /** Cancels all deadlines. */
  clearDeadlines(): void {
    for (const timer of this.#deadlines) clearTimeout(timer);
  }

  /** Sets numQueuedTokens to 0. @returns its previous value */
  takeQueuedTokens(): number {
    const numTokens = this.numQueuedTokens;
    this.numQueuedTokens = 0;
    return numTokens;
  }

  /** Called when the engine has tokenized the prompt and queued the request. */
  queued(promptTokenIds: Int32Array): void {
    this.#queued.resolve(promptTokenIds);
  }

  push(index: number, output: RequestOutput): void {
    if (this.#error !== null) return;
    const waiting = this.#waiting[index];
    // A sequence's first waiting output may have any size, since the log-probabilities for a long prompt are large.
    if (waiting !== undefined) this.#countUnread(index, estimatedBytes(output));
    if (this.#numUnreadBytes > this.#maxUnreadBytes) {
      this.fail(new RequestError("slow_reader", "The response was not read fast enough."));
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
        // Outputs are delivered even if an error follows, because the metrics have counted them.
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

/** @returns a lower bound on the number of prompt tokens, for use before the engine has tokenized the prompt */
export function knownTokens(prompt: Prompt): number {
  return prompt instanceof Int32Array ? prompt.length : 1;
}

const BYTES_PER_LOGPROB = 64;

/** Estimates the memory used by an output and, later, by the part of the response built from it. */
function estimatedBytes(output: RequestOutput): number {
  const { text, parts, tokenIds, logprobs, promptLogprobs } = output;
  const numLogprobs = countLogprobs(logprobs) + countLogprobs(promptLogprobs);
  const numCharacters = parts === null ? text.length : countCharacters(parts);
  return numCharacters + 8 * tokenIds.length + BYTES_PER_LOGPROB * numLogprobs;
}

function countCharacters(parts: readonly MessagePart[]): number {
  return parts.reduce((sum, part) => sum + ("text" in part ? part.text : part.name).length, 0);
}

function countLogprobs(positions: readonly PositionLogprobs<DecodedLogprob>[] | null): number {
  // checkNumLogprobs() limits higher counts across the whole response.
  const countOf = ({ top }: PositionLogprobs<DecodedLogprob>) =>
    Math.min(top.length, USUAL_LOGPROBS) + 1;
  return positions === null ? 0 : positions.reduce((sum, position) => sum + countOf(position), 0);
}
