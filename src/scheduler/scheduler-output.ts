// The plan of a step, from schedule() to the runner, and its result, from the runner to update(). Plain records; the
// runner imports only these types from the scheduler. Names match those in vLLM's SchedulerOutput.

import type { BlockCopy } from "../kvcache/kv-cache-manager.ts";
import type { PositionLogprobs } from "../request/logprobs.ts";
import type { Request } from "../request/request.ts";
import type { GRAMMAR_FAILED } from "../request/request-status.ts";

/**
 * Output of a request's part in a step: nothing for a chunk that does not reach the last known token, the tokens
 * sampled after that token, or the pooled vector for the input.
 */
export type StepOutputKind = "none" | "tokens" | "pooled";

/** Positions [start, end). */
export interface PositionRange {
  readonly start: number;
  readonly end: number;
}

/**
 * One request's part in a step. Its tokens are at positions [numComputedTokens, + numScheduledTokens): known
 * tokens, then drafts.
 *
 *   | computed | known tokens ... last | draft draft draft |
 *              ^ numComputedTokens                        ^ + numScheduledTokens
 */
export interface ScheduledRequest {
  readonly request: Request;
  /** First position computed in this step. */
  readonly numComputedTokens: number;
  /** Number of tokens computed in this step, at least 1. */
  readonly numScheduledTokens: number;
  /**
   * The request's block IDs in order, covering positions [0, numComputedTokens + numScheduledTokens).
   * A view of the block table, valid until the scheduler is called again.
   */
  readonly blockIds: Int32Array;
  readonly output: StepOutputKind;
  /**
   * Number of drafts among the scheduled tokens. They come last and are the first of request.draftTokenIds. 0 unless
   * the output is tokens; the logits of each draft are then sampled, like those of the last known token.
   */
  readonly numDraftTokens: number;
  /** Slot of the adapter for the tokens at or after request.adapterStart; -1 = none. */
  readonly adapterSlot: number;
  /**
   * Positions of known tokens that the draft model computes in this step, before numComputedTokens. If there are drafts,
   * it continues with the last known token and predicts them. Absent if it computes nothing.
   */
  readonly catchUp?: PositionRange;
}

/** Block transfers to run before the pass. */
export interface BlockTransfers {
  /** Copies on write, to run in this order. */
  readonly copies: readonly BlockCopy[];
}

export interface StepPlan {
  /** Starts at 0 and strictly increases. */
  readonly stepId: number;
  /** Running requests first, then requests admitted in this step. Empty if there is nothing to run. */
  readonly scheduled: readonly ScheduledRequest[];
  /** Sum of numScheduledTokens, <= maxNumBatchedTokens. */
  readonly numScheduledTokens: number;
  readonly transfers: BlockTransfers;
  /** Requests finished or aborted since the previous plan, whose sampler state the runner frees. */
  readonly finishedRequestIds: readonly string[];
}

/** The pass's result for one entry of `scheduled`. */
export interface ScheduledResult {
  /**
   * Accepted drafts, then the token sampled after them. Sampling goes row by row and stops at the first token that
   * differs from its draft. Contains 1 to numDraftTokens + 1 tokens, or none unless the output is tokens.
   */
  readonly tokenIds: readonly number[];
  /** Parallel to tokenIds; null unless log-probabilities were requested and tokens were sampled. */
  readonly logprobs: readonly PositionLogprobs[] | null;
  /** [embedding length] float32; null unless the output is pooled. */
  readonly pooled: Float32Array | null;
  /**
   * Log-probabilities of the prompt tokens at positions (numComputedTokens, ...] covered by this step,
   * one per prompt token after the first; null unless requested.
   */
  readonly promptLogprobs: readonly PositionLogprobs[] | null;
  /** True if a logit in this request's rows was NaN. */
  readonly isCorrupted: boolean;
  /** True if the request's grammar left no token or exceeded a limit, in which case the request ends with an error. */
  readonly isRefused: boolean;
}

/** "nan" = one of the draft model's logits was NaN; "failed" = its pass failed. */
export type DraftFault = "nan" | "failed";

export interface StepResult {
  /** Parallel to StepPlan.scheduled. */
  readonly results: readonly ScheduledResult[];
  /** Wall time of the forward pass without sampling, in ms. */
  readonly forwardMs: number;
  readonly samplingMs: number;
  /** Why the draft model's drafts in this step were arbitrary; absent if they were its predictions. */
  readonly draftFault?: DraftFault;
}

/** The tokens that a request took from a step. The request may have finished with the last of them. */
export interface SampledTokens {
  readonly request: Request;
  /** At least one, unless the request ends with an error. Tokens sampled after a stop are dropped. */
  readonly tokenIds: readonly number[];
  /** Parallel to tokenIds; null unless requested. */
  readonly logprobs: readonly PositionLogprobs[] | null;
  readonly isCorrupted: boolean;
  /** ID of the stop token or GRAMMAR_FAILED; null in all other cases, including end tokens. */
  readonly stopReason: number | typeof GRAMMAR_FAILED | null;
}
