// Statistics that an engine sends with each step: plain counts, no metrics library. Counters are
// deltas since the previous message, gauges the state after the step.

import type { FinishReason } from "../request/request-status.ts";

/** What is known of a sampled block when it is evicted. Seconds. */
export interface BlockEviction {
  /** Since its allocation. */
  readonly lifetimeS: number;
  /** Since its last access, or since its allocation if it had none. */
  readonly idleS: number;
  /** Between neighbours of its latest four accesses, oldest first: 0 to 3 values. */
  readonly reuseGapsS: readonly number[];
}

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
  /** Sampled blocks that were evicted since the previous message; empty when sampling is off. */
  readonly blockEvictions: readonly BlockEviction[];
  /** Tokens computed in this step. */
  readonly numScheduledTokens: number;
  readonly forwardMs: number;
  readonly samplingMs: number;
}

/** Of an engine that is not there. */
export const NO_STATS: SchedulerStats = {
  numRunningReqs: 0,
  numWaitingReqs: 0,
  numDeferredReqs: 0,
  kvCacheUsage: 0,
  prefixCache: { requests: 0, queries: 0, hits: 0 },
  numPreemptedReqs: 0,
  blockEvictions: [],
  numScheduledTokens: 0,
  forwardMs: 0,
  samplingMs: 0,
};

/** What load balancers weigh a server by. */
export type EngineLoad = Pick<SchedulerStats, "kvCacheUsage" | "numWaitingReqs">;

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
  readonly numPreemptions: number;
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
  /** One per step that gave tokens: whole prompts whose first output is of it, and its new tokens. */
  readonly iterationTokens: readonly number[];
  readonly finished: readonly FinishedRequestStats[];
  readonly finishedParents: readonly FinishedParentStats[];
}

/** States of `vllm:engine_sleep_state`: awake, asleep at level 1, asleep at level 2. */
export const SLEEP_STATES = ["awake", "weights_offloaded", "discard_all"] as const;
export type SleepState = (typeof SLEEP_STATES)[number];

/** The beginning or the end of a sleep or a wake-up. */
export interface SleepRecord {
  readonly operation: "sleep" | "wake";
  /** Of this operation, now. */
  readonly numInFlight: number;
  /** Front clock; null at the beginning. */
  readonly durationS: number | null;
  /** As the engine has acknowledged it; null = paused only (level 0). */
  readonly state: SleepState | null;
}

/** Told of everything that statistics are made of. */
export interface StatListener {
  /** One engine message. `iteration` is null when it had no outputs. */
  record(scheduler: SchedulerStats, iteration: IterationStats | null): void;
  recordSleep?(record: SleepRecord): void;
  /** The engine is back after a death. */
  recordRestart?(): void;
}
