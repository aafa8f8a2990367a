// A request as its caller passes it to the front, and the stream of outputs that the front returns.

import type { EngineRequest, RequestOutput } from "../protocol/protocol.ts";

/** A request without the ids that the front assigns to its sequences. */
export interface FrontRequest extends Omit<EngineRequest, "requestIds"> {
  /** Time at which input processing started, front clock, ms. */
  readonly arrivalMs: number;
}

/** An output of sequence `index`, 0 <= index < samplingParams.n. */
export interface SequenceOutput extends RequestOutput {
  readonly index: number;
}

/**
 * Outputs of one request. Ends after every sequence has finished. Leaving the loop early or calling abort()
 * frees the blocks within one step. Outputs that the reader has not taken are merged per sequence, so at
 * most one output per sequence waits for a slow reader.
 * If a sequence ends with "error", the iterator throws an EngineError.
 */
export interface OutputStream extends AsyncIterable<SequenceOutput> {
  /** Settles when the engine has read the prompt: with its token ids, or the reason for a refusal. */
  readonly promptTokenIds: Promise<Int32Array>;
  abort(): void;
}
