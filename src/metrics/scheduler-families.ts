// State of the engine: queues, KV cache, prefix cache, preemption.

import { countOf, gaugeOf, type MetricFamily, onStep } from "./family.ts";

export const SCHEDULER_FAMILIES: readonly MetricFamily[] = [
  {
    name: "vllm:num_requests_running",
    type: "gauge",
    help: "Number of requests in model execution batches.",
    since: "0.7",
    enabledBy: "log-stats",
    meaning:
      "Sequences that hold KV blocks and are being computed, in prefill or decode. Set after each step; returns to 0 when the last sequence ends.",
    alert: "Used for autoscaling, together with waiting requests; routers use it to balance load.",
    source: gaugeOf((stats) => stats.numRunningReqs),
  },
  {
    name: "vllm:num_requests_waiting",
    type: "gauge",
    help: "Number of requests waiting to be processed.",
    since: "0.7",
    enabledBy: "log-stats",
    meaning:
      "Sequences in the queue, including preempted sequences and all arrivals while the engine sleeps.",
    alert: "Scale out when it stays above 5; alert when it grows past 50.",
    source: gaugeOf((stats) => stats.numWaitingReqs),
  },
  {
    name: "vllm:num_requests_waiting_by_reason",
    type: "gauge",
    help: "Number of requests waiting to be processed, by reason.",
    labels: [{ name: "reason", values: ["capacity", "deferred"] }],
    since: "0.19",
    enabledBy: "log-stats",
    meaning:
      "Waiting sequences by reason: `capacity` = for blocks or room in the step; `deferred` = for anything else, such as the shared prompt with n > 1 or a LoRA adapter. The sum is num_requests_waiting.",
    alert: "`capacity` above 0 for minutes: add blocks or another server.",
    source: onStep(({ scheduler: { numWaitingReqs, numDeferredReqs } }, sink) => {
      sink.set(numWaitingReqs - numDeferredReqs, "capacity");
      sink.set(numDeferredReqs, "deferred");
    }),
  },
];

export const CACHE_FAMILIES: readonly MetricFamily[] = [
  {
    name: "vllm:kv_cache_usage_perc",
    type: "gauge",
    help: "KV-cache usage. 1 means 100 percent usage.",
    since: "0.9.2",
    enabledBy: "log-stats",
    meaning:
      "Share of KV blocks held by requests, 0 to 1. Cached blocks that no request uses count as free.",
    alert: "Above 0.9 for minutes: preemption is likely; raise --kv-cache-memory-bytes.",
    source: gaugeOf((stats) => stats.kvCacheUsage),
  },
  {
    name: "vllm:corrupted_requests",
    type: "counter",
    help: "Corrupted requests, in terms of total number of requests with NaNs in logits.",
    since: "0.11",
    enabledBy: "log-stats",
    meaning:
      "Finished sequences whose logits contained a NaN in any step, which means that the model file or a kernel is broken.",
    alert: "Any increase.",
    source: countOf(({ finished }) => finished.filter(({ isCorrupted }) => isCorrupted).length),
  },
  {
    name: "vllm:prefix_cache_queries",
    type: "counter",
    help: "Prefix cache queries, in terms of number of queried tokens.",
    since: "0.9.2",
    enabledBy: "log-stats",
    meaning:
      "Tokens looked up in the prefix cache, once per request, at its first admission. Nothing is looked up if prefix caching is off or the request has prompt_logprobs.",
    source: onStep(({ scheduler }, sink) => sink.add(scheduler.prefixCache.queries)),
  },
  {
    name: "vllm:prefix_cache_hits",
    type: "counter",
    help: "Prefix cache hits, in terms of number of cached tokens.",
    since: "0.9.2",
    enabledBy: "log-stats",
    meaning: "Looked-up tokens that were cached. The hit rate is hits / queries.",
    alert: "Hit rate below 0.3 although prompts share prefixes: the cache is too small.",
    source: onStep(({ scheduler }, sink) => sink.add(scheduler.prefixCache.hits)),
  },
  {
    name: "vllm:num_preemptions",
    type: "counter",
    help: "Cumulative number of preemption from the engine.",
    since: "0.7",
    enabledBy: "log-stats",
    meaning:
      "Preemptions, in which a sequence loses its blocks and is recomputed later. Counted when the sequence yields its next token.",
    alert: "More than 1 per second: add KV memory or lower --max-num-seqs.",
    source: countOf((stats) => stats.numPreemptions),
  },
];
