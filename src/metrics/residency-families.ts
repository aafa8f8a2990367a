// Lifetimes and hits of sampled KV blocks.

import type { BlockEviction } from "../protocol/stats.ts";
import { RESIDENCY_BUCKETS } from "./buckets.ts";
import { type MetricFamily, onStep } from "./family.ts";

const SAMPLED = "Sampled metrics (controlled by --kv-cache-metrics-sample).";

function perEviction(of: (eviction: BlockEviction) => readonly number[]): MetricFamily["source"] {
  return onStep(({ scheduler }, sink) => {
    for (const eviction of scheduler.blockEvictions) {
      for (const value of of(eviction)) sink.observe(value);
    }
  });
}

export const RESIDENCY_FAMILIES: readonly MetricFamily[] = [
  {
    name: "vllm:kv_block_lifetime_seconds",
    type: "histogram",
    help: `Histogram of KV cache block lifetime from allocation to eviction. ${SAMPLED}`,
    buckets: RESIDENCY_BUCKETS,
    since: "0.13",
    enabledBy: "kv-cache-metrics",
    meaning:
      "Time from a block's allocation to its eviction, when it is reused for other tokens. A block that its request has freed stays cached until then and can still be hit.",
    alert:
      "Lifetimes shorter than the time between turns of a conversation: the cache is too small.",
    source: perEviction(({ lifetimeS }) => [lifetimeS]),
  },
  {
    name: "vllm:kv_block_idle_before_evict_seconds",
    type: "histogram",
    help: `Histogram of idle time before KV cache block eviction. ${SAMPLED}`,
    buckets: RESIDENCY_BUCKETS,
    since: "0.13",
    enabledBy: "kv-cache-metrics",
    meaning:
      "Time since the last hit of an evicted block (its whole lifetime if it was never hit).",
    alert: "Short idle times: blocks are evicted while they are still needed.",
    source: perEviction(({ idleS }) => [idleS]),
  },
  {
    name: "vllm:kv_block_reuse_gap_seconds",
    type: "histogram",
    help:
      "Histogram of time gaps between consecutive KV cache block accesses. " +
      `Only the most recent accesses are recorded (ring buffer). ${SAMPLED}`,
    buckets: RESIDENCY_BUCKETS,
    since: "0.13",
    enabledBy: "kv-cache-metrics",
    meaning:
      "Gaps between the last four hits of an evicted block (0 to 3 samples). With n > 1, each sequence that shares the block counts as a hit.",
    source: perEviction(({ reuseGapsS }) => reuseGapsS),
  },
];
