// The plan of one step, which schedule() hands to the runner, and its result, which update() gets back. Plain
// records; the runner imports only these types. Names are those of vLLM's SchedulerOutput.

import type { BlockCopy } from "../kvcache/kv-cache-manager.ts";
import type { PositionLogprobs } from "../request/logprobs.ts";
import type { Request } from "../request/request.ts";

/**
 * Output of a request's part in a step: none, for a chunk that does not reach the last known token; tokens
 * sampled after it; or the pooled vector of the input.
 */
export type StepOutputKind = "none" | "tokens" | "pooled";

/**
 * One request's part in a step. Its tokens are at positions [numComputedTokens, + numScheduledTokens): known
 * ones, then drafts.
 *
 *   | computed | known tokens ... last | draft draft draft |
 *              ^ numComputedTokens                        ^ + numScheduledTokens
 */
export interface ScheduledRequest {
  readonly request: Request;
  /** First position computed in this step. */
  readonly numComputedTokens: number;
  /** >= 1. */
  readonly numScheduledTokens: number;
  /**
   * Block ids of the request in order, covering positions [0, numComputedTokens + numScheduledTokens).
   * A view of the block table, valid until the scheduler is called again.
   */
  readonly blockIds: Int32Array;
  readonly output: StepOutputKind;
  /**
   * Number of scheduled tokens, at the end, that are the first of request.draftTokenIds. 0 unless the output is
   * tokens; the logits of each are then sampled, like those of the last known token.
   */
  readonly numDraftTokens: number;
}

/** Blocks moved before the pass. */
export interface BlockTransfers {
  /** Copies on write, in this order. */
  readonly copies: readonly BlockCopy[];
}

export interface StepPlan {
  /** Strictly increasing from 0. */
  readonly stepId: number;
  /** Running requests first, then those admitted in this step. Empty if there is nothing to run. */
  readonly scheduled: readonly ScheduledRequest[];
  /** Sum of numScheduledTokens, <= maxNumBatchedTokens. */
  readonly numScheduledTokens: number;
  readonly transfers: BlockTransfers;
  /** Ids finished or aborted since the previous plan: the runner frees their sampler state. */
  readonly finishedRequestIds: readonly string[];
}

/** Result of the pass for one entry of `scheduled`. */
export interface ScheduledResult {
  /**
   * The accepted drafts, then the token sampled after them: sampling goes row by row and stops at the first token
   * that differs from its draft. 1 to numDraftTokens + 1 tokens; none unless the output is tokens.
   */
  readonly tokenIds: readonly number[];
  /** Parallel to tokenIds; null unless requested and tokens were sampled. */
  readonly logprobs: readonly PositionLogprobs[] | null;
  /** [embedding length] float32; null unless the output is pooled. */
  readonly pooled: Float32Array | null;
  /**
   * Log-probabilities of the prompt tokens at positions (numComputedTokens, ...] covered by this step,
   * one per prompt token after the first; null unless requested.
   */
  readonly promptLogprobs: readonly PositionLogprobs[] | null;
  /** Whether a logit of this request's rows was NaN. */
  readonly isCorrupted: boolean;
  /** Whether the request's grammar left no token or exceeded a limit; the request ends with an error. */
  readonly isRefused: boolean;
}

export interface StepResult {
  /** Parallel to StepPlan.scheduled. */
  readonly results: readonly ScheduledResult[];
  /** Wall time of the forward pass, sampling excluded, ms. */
  readonly forwardMs: number;
  readonly samplingMs: number;
}

/** Tokens that a request took from a step; it may have finished with the last of them. */
export interface SampledTokens {
  readonly request: Request;
  /** At least one, unless the request ends with an error. Tokens sampled after a stop are left out. */
  readonly tokenIds: readonly number[];
  /** Parallel to tokenIds; null unless requested. */
  readonly logprobs: readonly PositionLogprobs[] | null;
  readonly isCorrupted: boolean;
  /** The stop token id that ended the request; null for end tokens and everything else. */
  readonly stopReason: number | null;
}
