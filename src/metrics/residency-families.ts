// How long KV blocks live and how often they are hit, from the blocks that are sampled.

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
      "From a block's allocation to its eviction, when it is handed out for other tokens. A block that a request gives back but that can still be hit lives on.",
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
    meaning: "How long an evicted block had not been hit (or had lived, if it never was).",
    alert: "Short idle times: blocks that are still wanted are evicted.",
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
      "Time between hits of an evicted block, for its latest four: 0 to 3 samples. A sequence of n > 1 that shares the block is a hit.",
    source: perEviction(({ reuseGapsS }) => reuseGapsS),
  },
];
