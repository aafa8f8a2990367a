// What schedule() hands to the runner and update() gets back: the plan of one step and its result.
// Plain records; the runner imports only these types. Names as vLLM's SchedulerOutput.

import type { BlockCopy } from "../kvcache/kv-cache-manager.ts";
import type { PositionLogprobs } from "../request/logprobs.ts";
import type { Request } from "../request/request.ts";

/**
 * What a request's part in a step gives: nothing, for a chunk that does not reach the last known token; the
 * tokens that are sampled behind it; or the pooled vector of the input.
 */
export type StepOutputKind = "none" | "tokens" | "pooled";

/**
 * One request's part in a step. Its tokens are positions [numComputedTokens, + numScheduledTokens): known ones,
 * then drafts.
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
   * How many of the scheduled tokens, at their end, are the first of request.draftTokenIds. 0 unless tokens
   * are the output; each then has its logits sampled, as the last known token has.
   */
  readonly numDraftTokens: number;
}

/** What is moved into blocks before the pass. */
export interface BlockTransfers {
  /** Copies on write, in this order. */
  readonly copies: readonly BlockCopy[];
}

export interface StepPlan {
  /** Strictly increasing from 0. */
  readonly stepId: number;
  /** Running requests first, then those admitted in this step. Empty when there is nothing to run. */
  readonly scheduled: readonly ScheduledRequest[];
  /** Sum of numScheduledTokens, <= maxNumBatchedTokens. */
  readonly numScheduledTokens: number;
  readonly transfers: BlockTransfers;
  /** Ids finished or aborted since the previous plan: the runner frees their sampler state. */
  readonly finishedRequestIds: readonly string[];
}

/** What the pass gave for one entry of `scheduled`. */
export interface ScheduledResult {
  /**
   * The accepted drafts, then the token sampled behind them: sampling goes from row to row and stops at the
   * first token that differs from its draft. [1, numDraftTokens + 1] of them; none unless tokens are the output.
   */
  readonly tokenIds: readonly number[];
  /** Parallel to tokenIds; null unless the request asked for them and tokens were sampled. */
  readonly logprobs: readonly PositionLogprobs[] | null;
  /** [embedding length] float32; null unless it is the output. */
  readonly pooled: Float32Array | null;
  /**
   * Log-probabilities of the prompt tokens at positions (numComputedTokens, ...] covered by this step,
   * one per prompt token after the first; null unless asked for.
   */
  readonly promptLogprobs: readonly PositionLogprobs[] | null;
  /** A logit of this request's rows was NaN. */
  readonly isCorrupted: boolean;
}

export interface StepResult {
  /** Parallel to StepPlan.scheduled. */
  readonly results: readonly ScheduledResult[];
  /** Wall time of the forward pass, sampling excluded, ms. */
  readonly forwardMs: number;
  readonly samplingMs: number;
}

/** The tokens that a request took from a step; it may have finished with the last of them. */
export interface SampledTokens {
  readonly request: Request;
  /** At least one. What was sampled behind a stop is left out. */
  readonly tokenIds: readonly number[];
  /** Parallel to tokenIds; null unless asked for. */
  readonly logprobs: readonly PositionLogprobs[] | null;
  readonly isCorrupted: boolean;
  /** The stop token id that ended the request; null for end tokens and everything else. */
  readonly stopReason: number | null;
}
