// Statistics that an engine sends with each step: plain counts, no metrics library. Counters are
// deltas since the previous message, gauges the state after the step.

import type { FinishReason } from "../request/request-status.ts";
/** Prefix cache look-ups of requests admitted since the previous message, in tokens. */
export interface PrefixCacheStats {
  readonly requests: number;
  readonly queries: number;
  readonly hits: number;
}

export interface SchedulerStats {
  readonly numRunningReqs: number;
  readonly numWaitingReqs: number;
  /** Of numWaitingReqs: waiting for another request's prefill (n > 1), a grammar or remote KV. */
  readonly numDeferredReqs: number;
  /** Share of blocks referenced by a request, 0..1, null block left out. */
  readonly kvCacheUsage: number;
  readonly prefixCache: PrefixCacheStats;
  /** Preemptions in this step. */
  readonly numPreemptedReqs: number;
  /** Tokens computed in this step. */
  readonly numScheduledTokens: number;
  readonly forwardMs: number;
  readonly samplingMs: number;
}

/** Engine-clock marks, seconds; null until reached. Preemption never restarts one. */
export interface RequestTimeline {
  readonly queuedS: number;
  readonly scheduledS: number | null;
  readonly firstTokenS: number | null;
  readonly lastTokenS: number | null;
}

/** What a finished sequence adds to the per-request families; seconds, formulas in metrics. */
export interface FinishedRequestStats {
  readonly finishReason: FinishReason;
  readonly numPromptTokens: number;
  readonly numGenerationTokens: number;
  readonly numCachedTokens: number;
  readonly maxTokensParam: number;
  /** Front clock: final output minus arrival. */
  readonly e2eLatencyS: number;
  /** Engine clock: scheduled - queued; first token - scheduled; last - first token; prefill + decode. */
  readonly queuedTimeS: number;
  readonly prefillTimeS: number;
  readonly decodeTimeS: number;
  readonly inferenceTimeS: number;
  /** decode / (generated - 1); 0 if generated <= 1. */
  readonly timePerOutputTokenS: number;
  readonly isCorrupted: boolean;
}

/** What a finished parent (n sequences, n >= 1) adds, once, when its last child ends. */
export interface FinishedParentStats {
  readonly n: number;
  readonly maxNumGenerationTokens: number;
}

/** What one engine message means for the fronts' metrics: observations, not totals. */
export interface IterationStats {
  /** Front clock: one per sequence whose first output is in this message. */
  readonly timeToFirstTokensS: readonly number[];
  /** Engine clock: one per later output (not per token). */
  readonly interTokenLatenciesS: readonly number[];
  /** Whole prompts (cached part included) of sequences with their first output here. */
  readonly numPromptTokens: number;
  /** Of numPromptTokens: served from the prefix cache. */
  readonly numCachedPromptTokens: number;
  readonly numGenerationTokens: number;
  /** Preemptions carried by the outputs of this message. */
  readonly numPreemptions: number;
  /** Message held at least one output with a token. */
  readonly hasTokens: boolean;
  readonly finished: readonly FinishedRequestStats[];
  readonly finishedParents: readonly FinishedParentStats[];
}

/** Receives one record per engine message. `iteration` is null when the message had no outputs. */
export interface StatListener {
  record(scheduler: SchedulerStats, iteration: IterationStats | null): void;
}
