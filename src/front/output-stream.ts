// Requests that callers pass to the front, and the output streams that it returns.

import type { EngineRequest, RequestOutput } from "../protocol/protocol.ts";

/** A request without the IDs that the front assigns to its sequences. */
export interface FrontRequest extends Omit<EngineRequest, "requestIds"> {
  /** Time at which input processing started, in ms on the front's clock. */
  readonly arrivalMs: number;
}

/** An output of sequence `index`, 0 <= index < samplingParams.n. */
export interface SequenceOutput extends RequestOutput {
  readonly index: number;
}

/**
 * The outputs of one request. The stream ends when all sequences have finished. Leaving the loop early or calling
 * abort() frees the blocks within one step. Outputs that the reader has not taken yet are merged per sequence, so at
 * most one output per sequence waits for a slow reader. If a sequence ends with "error", the iterator throws an
 * EngineError.
 */
export interface OutputStream extends AsyncIterable<SequenceOutput> {
  /** Resolves to the tokenized prompt once the request is queued; rejects if the engine refuses it. */
  readonly promptTokenIds: Promise<Int32Array>;
  abort(): void;
}
