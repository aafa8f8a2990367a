// Statistics that an engine sends with each step, as plain numbers. Counters are deltas since the previous
// message; gauges are the state after the step.

import type { FinishReason } from "../request/request-status.ts";

/** Residency of a sampled block in seconds, reported when the block is evicted. */
export interface BlockEviction {
  /** Time since the allocation. */
  readonly lifetimeS: number;
  /** Time since the last access, or since the allocation if there was none. */
  readonly idleS: number;
  /** Gaps between the latest four accesses, oldest first: 0 to 3 values. */
  readonly reuseGapsS: readonly number[];
}

/** Prefix cache lookups of requests admitted since the previous message, in tokens. */
export interface PrefixCacheStats {
  readonly requests: number;
  readonly queries: number;
  readonly hits: number;
}

/** Drafts that were verified since the previous message, counted per request and step. */
export interface SpecDecodeStats {
  /** Number of times that a request had drafts in a step. */
  readonly numDrafts: number;
  readonly numDraftTokens: number;
  readonly numAcceptedTokens: number;
  /** Number of accepted drafts by their position among a request's drafts. */
  readonly acceptedPerPos: readonly number[];
}

/** Adds up counts; null = no drafts. */
export function joinSpecDecode(
  a: SpecDecodeStats | null,
  b: SpecDecodeStats | null,
): SpecDecodeStats | null {
  if (a === null || b === null) return a ?? b;
  const length = Math.max(a.acceptedPerPos.length, b.acceptedPerPos.length);
  const sumAt = (i: number) => (a.acceptedPerPos[i] ?? 0) + (b.acceptedPerPos[i] ?? 0);
  return {
    numDrafts: a.numDrafts + b.numDrafts,
    numDraftTokens: a.numDraftTokens + b.numDraftTokens,
    numAcceptedTokens: a.numAcceptedTokens + b.numAcceptedTokens,
    acceptedPerPos: Array.from({ length }, (_, i) => sumAt(i)),
  };
}

/** Names of live requests' LoRA adapters. */
export interface AdapterStats {
  /** Adapters of running requests. */
  readonly running: readonly string[];
  /** Adapters of requests that are not running. */
  readonly waiting: readonly string[];
}

export interface SchedulerStats {
  readonly numRunningReqs: number;
  readonly numWaitingReqs: number;
  /** The part of numWaitingReqs that waits for another request's prefill (n > 1), a grammar, an adapter or remote KV. */
  readonly numDeferredReqs: number;
  /** Fraction of blocks referenced by a request, 0..1, without the null block. */
  readonly kvCacheUsage: number;
  readonly prefixCache: PrefixCacheStats;
  /** Preemptions in this step. */
  readonly numPreemptedReqs: number;
  /** Sampled blocks that were evicted since the previous message; empty if sampling is off. */
  readonly blockEvictions: readonly BlockEviction[];
  /** Counts of drafts; null if none were verified. */
  readonly specDecode: SpecDecodeStats | null;
  /** LoRA adapters in use; null if adapters are off. */
  readonly adapters: AdapterStats | null;
  /** Tokens computed in this step. */
  readonly numScheduledTokens: number;
  readonly forwardMs: number;
  readonly samplingMs: number;
}

/** Statistics of an engine that is down. */
export const NO_STATS: SchedulerStats = {
  numRunningReqs: 0,
  numWaitingReqs: 0,
  numDeferredReqs: 0,
  kvCacheUsage: 0,
  prefixCache: { requests: 0, queries: 0, hits: 0 },
  numPreemptedReqs: 0,
  blockEvictions: [],
  specDecode: null,
  adapters: null,
  numScheduledTokens: 0,
  forwardMs: 0,
  samplingMs: 0,
};

/** Load figures for load balancers. */
export type EngineLoad = Pick<SchedulerStats, "kvCacheUsage" | "numWaitingReqs">;

/** Engine-clock timestamps, seconds; null until reached. Preemption never restarts one. */
export interface RequestTimeline {
  readonly queuedS: number;
  readonly scheduledS: number | null;
  readonly firstTokenS: number | null;
  readonly lastTokenS: number | null;
}

/** Contribution of a finished sequence to the per-request families. */
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

/** Contribution of a finished parent (n sequences, n >= 1), added once when its last child finishes. */
export interface FinishedParentStats {
  readonly n: number;
  readonly maxNumGenerationTokens: number;
}

/** Observations, not totals, that one engine message adds to the front's metrics. */
export interface IterationStats {
  /** Front clock: one per sequence whose first output is in this message. */
  readonly timeToFirstTokensS: readonly number[];
  /** Engine clock: one per later output (not per token). */
  readonly interTokenLatenciesS: readonly number[];
  /** Prompt tokens, including cached ones, of sequences whose first output is in this message. */
  readonly numPromptTokens: number;
  /** The part of numPromptTokens found in the prefix cache. */
  readonly numCachedPromptTokens: number;
  readonly numGenerationTokens: number;
  /** Preemptions reported by this message's outputs. */
  readonly numPreemptions: number;
  /** One per step that generated tokens: its new tokens plus the prompt tokens of sequences that it started. */
  readonly iterationTokens: readonly number[];
  readonly finished: readonly FinishedRequestStats[];
  readonly finishedParents: readonly FinishedParentStats[];
}

/** States of `vllm:engine_sleep_state`: awake, asleep at level 1, asleep at level 2. */
export const SLEEP_STATES = ["awake", "weights_offloaded", "discard_all"] as const;
export type SleepState = (typeof SLEEP_STATES)[number];

/** Start or end of a sleep or a wake-up. */
export interface SleepRecord {
  readonly operation: "sleep" | "wake";
  /** Number of these operations in progress. */
  readonly numInFlight: number;
  /** Front clock; null at the start. */
  readonly durationS: number | null;
  /** Last state that the engine acknowledged; null = paused only (level 0). */
  readonly state: SleepState | null;
}

/** Receives all events for statistics. */
export interface StatListener {
  /** Records one engine message. `iteration` is null if it had no outputs. */
  record(scheduler: SchedulerStats, iteration: IterationStats | null): void;
  recordSleep?(record: SleepRecord): void;
  /** Records that the engine has restarted after a crash. */
  recordRestart?(): void;
}
