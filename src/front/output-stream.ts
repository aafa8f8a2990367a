// A request as its caller hands it to the front, and the stream of outputs that the front returns.

import type { EngineRequest, RequestOutput } from "../protocol/protocol.ts";

/** A request without the ids that the front gives to its sequences. */
export interface FrontRequest extends Omit<EngineRequest, "requestIds"> {
  /** Front clock, ms: when input processing of the request started. */
  readonly arrivalMs: number;
}

/** An output of sequence `index`, 0 <= index < samplingParams.n. */
export interface SequenceOutput extends RequestOutput {
  readonly index: number;
}

/**
 * The outputs of one request. Ends after every sequence has finished. Leaving the loop early or
 * abort() frees the blocks within one step. Outputs that arrive while the reader is away are merged
 * per sequence, so a slow reader holds at most one output a sequence.
 * A sequence that ends with "error" makes the iterator throw an EngineError.
 */
export interface OutputStream extends AsyncIterable<SequenceOutput> {
  /** Settles when the engine has read the prompt: its token ids, or why the request is refused. */
  readonly promptTokenIds: Promise<Int32Array>;
  abort(): void;
}
