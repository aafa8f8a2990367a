// What schedule() hands to the runner and update() gets back: the plan of one step and its result.
// Plain records; the runner imports only these types. Names as vLLM's SchedulerOutput.

import type { Request } from "../request/request.ts";

/** One request's part in a step. Its tokens are positions [numComputedTokens, + numScheduledTokens). */
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
  /** True when the last scheduled token is the request's last known one: its logits give the next token. */
  readonly samples: boolean;
}

export interface StepPlan {
  /** Strictly increasing from 0. */
  readonly stepId: number;
  /** Running requests first, then those admitted in this step. Empty when there is nothing to run. */
  readonly scheduled: readonly ScheduledRequest[];
  /** Sum of numScheduledTokens, <= maxNumBatchedTokens. */
  readonly numScheduledTokens: number;
  /** (source, destination) block ids copied before the pass (copy on write), in this order. */
  readonly blockCopies: readonly (readonly [number, number])[];
  /** Requests preempted while this plan was made. */
  readonly preempted: readonly Request[];
  /** Ids finished or aborted since the previous plan: the runner frees their sampler state. */
  readonly finishedRequestIds: readonly string[];
}

/** A token with its log-probability. */
export interface TokenLogprob {
  readonly tokenId: number;
  readonly logprob: number;
  /** 1 = likeliest of the vocabulary. */
  readonly rank: number;
}

/** Log-probabilities at one position: the chosen token and the likeliest k, likeliest first. */
export interface PositionLogprobs {
  readonly chosen: TokenLogprob;
  readonly top: readonly TokenLogprob[];
}

/** What the pass gave for one entry of `scheduled`. */
export interface ScheduledResult {
  /** The sampled token, or -1 when the entry does not sample. */
  readonly tokenId: number;
  /** Null unless the request asked for logprobs and a token was sampled. */
  readonly logprobs: PositionLogprobs | null;
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

/** A sampled token as update() passes it on; its request may have finished with it. */
export interface SampledToken {
  readonly request: Request;
  readonly tokenId: number;
  readonly logprobs: PositionLogprobs | null;
  readonly isCorrupted: boolean;
  /** The stop token id that ended the request; null for end tokens and everything else. */
  readonly stopReason: number | null;
}
