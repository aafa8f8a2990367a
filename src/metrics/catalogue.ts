// Every metric family once: what it is called, how it is shaped, since when, and which number of the
// engine's records moves it. The registry, the documentation and the tests are made from this list.
// Names, help texts and buckets are those of vLLM 0.13's Production Metrics page.

import type { IterationStats, SchedulerStats } from "../engine/stats.ts";
import { FINISH_REASONS } from "../request/request-status.ts";

export type MetricType = "counter" | "gauge" | "histogram";

/** Where a family's source puts its numbers: set for gauges, add for counters, observe for histograms. */
export interface MetricSink {
  set(value: number, label?: string): void;
  add(value: number, label?: string): void;
  observe(value: number): void;
}

export interface StepRecord {
  readonly scheduler: SchedulerStats;
  /** Null when the engine's message held no outputs. */
  readonly iteration: IterationStats | null;
}

export interface MetricFamily {
  /** As registered; a counter's samples end in `_total`. */
  readonly name: string;
  readonly type: MetricType;
  readonly help: string;
  /** Upper bounds; "tokens" = 1, 2, 5, 10, ... up to the model's length. */
  readonly buckets?: readonly number[] | "tokens";
  /** The label besides model_name and engine, and all its values: each is at 0 from the start. */
  readonly label?: { readonly name: string; readonly values: readonly string[] };
  /** Version of vLLM that has it. */
  readonly since: string;
  /** Version that deprecated it: hidden in the next minor, removed in the one after. */
  readonly deprecatedIn?: string;
  /** Version that removed it, where that was later than the policy has it. */
  readonly removedIn?: string;
  readonly source: (record: StepRecord, sink: MetricSink) => void;
}

const TTFT_BUCKETS = [
  0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80,
  160, 640, 2560,
];
const TOKEN_LATENCY_BUCKETS = [
  0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80,
];
const REQUEST_LATENCY_BUCKETS = [
  0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960, 1920, 7680,
];
const ITERATION_BUCKETS = [1, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384];

type Finished = IterationStats["finished"][number];

function gauge(of: (stats: SchedulerStats) => number): MetricFamily["source"] {
  return ({ scheduler }, sink) => sink.set(of(scheduler));
}

function counter(of: (stats: IterationStats) => number): MetricFamily["source"] {
  return ({ iteration }, sink) => {
    if (iteration !== null) sink.add(of(iteration));
  };
}

function observations(of: (stats: IterationStats) => readonly number[]): MetricFamily["source"] {
  return ({ iteration }, sink) => {
    for (const value of iteration === null ? [] : of(iteration)) sink.observe(value);
  };
}

function perFinished(of: (finished: Finished) => number): MetricFamily["source"] {
  return observations(({ finished }) => finished.map(of));
}

/** Families of an engine, in the order of vLLM's exposition. */
export const CATALOGUE: readonly MetricFamily[] = [
  {
    name: "vllm:num_requests_running",
    type: "gauge",
    help: "Number of requests in model execution batches.",
    since: "0.7",
    source: gauge((stats) => stats.numRunningReqs),
  },
  {
    name: "vllm:num_requests_waiting",
    type: "gauge",
    help: "Number of requests waiting to be processed.",
    since: "0.7",
    source: gauge((stats) => stats.numWaitingReqs),
  },
  {
    name: "vllm:num_requests_waiting_by_reason",
    type: "gauge",
    help: "Number of requests waiting to be processed, by reason.",
    label: { name: "reason", values: ["capacity", "deferred"] },
    since: "0.19",
    source: ({ scheduler: { numWaitingReqs, numDeferredReqs } }, sink) => {
      sink.set(numWaitingReqs - numDeferredReqs, "capacity");
      sink.set(numDeferredReqs, "deferred");
    },
  },
  {
    name: "vllm:kv_cache_usage_perc",
    type: "gauge",
    help: "KV-cache usage. 1 means 100 percent usage.",
    since: "0.9.2",
    source: gauge((stats) => stats.kvCacheUsage),
  },
  {
    name: "vllm:corrupted_requests",
    type: "counter",
    help: "Corrupted requests, in terms of total number of requests with NaNs in logits.",
    since: "0.11",
    source: counter(({ finished }) => finished.filter(({ isCorrupted }) => isCorrupted).length),
  },
  {
    name: "vllm:prefix_cache_queries",
    type: "counter",
    help: "Prefix cache queries, in terms of number of queried tokens.",
    since: "0.9.2",
    source: ({ scheduler }, sink) => sink.add(scheduler.prefixCache.queries),
  },
  {
    name: "vllm:prefix_cache_hits",
    type: "counter",
    help: "Prefix cache hits, in terms of number of cached tokens.",
    since: "0.9.2",
    source: ({ scheduler }, sink) => sink.add(scheduler.prefixCache.hits),
  },
  {
    name: "vllm:num_preemptions",
    type: "counter",
    help: "Cumulative number of preemption from the engine.",
    since: "0.7",
    source: counter((stats) => stats.numPreemptions),
  },
  {
    name: "vllm:prompt_tokens",
    type: "counter",
    help: "Number of prefill tokens processed.",
    since: "0.7",
    source: counter((stats) => stats.numPromptTokens),
  },
  {
    name: "vllm:prompt_tokens_by_source",
    type: "counter",
    help: "Number of prompt tokens by source.",
    label: {
      name: "source",
      values: ["local_compute", "local_cache_hit", "external_kv_transfer"],
    },
    since: "0.16",
    source: ({ iteration }, sink) => {
      if (iteration === null) return;
      sink.add(iteration.numPromptTokens - iteration.numCachedPromptTokens, "local_compute");
      sink.add(iteration.numCachedPromptTokens, "local_cache_hit");
    },
  },
  {
    name: "vllm:prompt_tokens_cached",
    type: "counter",
    help: "Number of cached prompt tokens (local + external).",
    since: "0.16",
    source: counter((stats) => stats.numCachedPromptTokens),
  },
  {
    name: "vllm:generation_tokens",
    type: "counter",
    help: "Number of generation tokens processed.",
    since: "0.7",
    source: counter((stats) => stats.numGenerationTokens),
  },
  {
    name: "vllm:request_success",
    type: "counter",
    help: "Count of successfully processed requests.",
    label: { name: "finished_reason", values: FINISH_REASONS },
    since: "0.7",
    source: ({ iteration }, sink) => {
      for (const { finishReason } of iteration?.finished ?? []) sink.add(1, finishReason);
    },
  },
  {
    name: "vllm:request_prompt_tokens",
    type: "histogram",
    help: "Number of prefill tokens processed.",
    buckets: "tokens",
    since: "0.7",
    source: perFinished((finished) => finished.numPromptTokens),
  },
  {
    name: "vllm:request_generation_tokens",
    type: "histogram",
    help: "Number of generation tokens processed.",
    buckets: "tokens",
    since: "0.7",
    source: perFinished((finished) => finished.numGenerationTokens),
  },
  {
    name: "vllm:iteration_tokens_total",
    type: "histogram",
    help: "Histogram of number of tokens per engine_step.",
    buckets: ITERATION_BUCKETS,
    since: "0.7",
    source: observations((stats) =>
      stats.hasTokens ? [stats.numPromptTokens + stats.numGenerationTokens] : [],
    ),
  },
  {
    name: "vllm:request_max_num_generation_tokens",
    type: "histogram",
    help: "Histogram of maximum number of requested generation tokens.",
    buckets: "tokens",
    since: "0.8",
    source: observations(({ finishedParents }) =>
      finishedParents.map((parent) => parent.maxNumGenerationTokens),
    ),
  },
  {
    name: "vllm:request_params_n",
    type: "histogram",
    help: "Histogram of the n request parameter.",
    buckets: [1, 2, 5, 10, 20],
    since: "0.8",
    source: observations(({ finishedParents }) => finishedParents.map((parent) => parent.n)),
  },
  {
    name: "vllm:request_params_max_tokens",
    type: "histogram",
    help: "Histogram of the max_tokens request parameter.",
    buckets: "tokens",
    since: "0.8",
    source: observations(({ finished }) =>
      finished.map(({ maxTokensParam }) => maxTokensParam).filter((maxTokens) => maxTokens > 0),
    ),
  },
  {
    name: "vllm:time_to_first_token_seconds",
    type: "histogram",
    help: "Histogram of time to first token in seconds.",
    buckets: TTFT_BUCKETS,
    since: "0.7",
    source: observations((stats) => stats.timeToFirstTokensS),
  },
  {
    name: "vllm:inter_token_latency_seconds",
    type: "histogram",
    help: "Histogram of inter-token latency in seconds.",
    buckets: TOKEN_LATENCY_BUCKETS,
    since: "0.11",
    source: observations((stats) => stats.interTokenLatenciesS),
  },
  {
    name: "vllm:time_per_output_token_seconds",
    type: "histogram",
    help:
      "Histogram of time per output token in seconds." +
      "DEPRECATED: Use vllm:inter_token_latency_seconds instead.",
    buckets: TOKEN_LATENCY_BUCKETS,
    since: "0.7",
    deprecatedIn: "0.11",
    removedIn: "0.15",
    source: observations((stats) => stats.interTokenLatenciesS),
  },
  {
    name: "vllm:request_time_per_output_token_seconds",
    type: "histogram",
    help: "Histogram of time_per_output_token_seconds per request.",
    buckets: TOKEN_LATENCY_BUCKETS,
    since: "0.11",
    source: perFinished((finished) => finished.timePerOutputTokenS),
  },
  {
    name: "vllm:e2e_request_latency_seconds",
    type: "histogram",
    help: "Histogram of e2e request latency in seconds.",
    buckets: REQUEST_LATENCY_BUCKETS,
    since: "0.7",
    source: perFinished((finished) => finished.e2eLatencyS),
  },
  {
    name: "vllm:request_queue_time_seconds",
    type: "histogram",
    help: "Histogram of time spent in WAITING phase for request.",
    buckets: REQUEST_LATENCY_BUCKETS,
    since: "0.7",
    source: perFinished((finished) => finished.queuedTimeS),
  },
  {
    name: "vllm:request_inference_time_seconds",
    type: "histogram",
    help: "Histogram of time spent in RUNNING phase for request.",
    buckets: REQUEST_LATENCY_BUCKETS,
    since: "0.7",
    source: perFinished((finished) => finished.inferenceTimeS),
  },
  {
    name: "vllm:request_prefill_time_seconds",
    type: "histogram",
    help: "Histogram of time spent in PREFILL phase for request.",
    buckets: REQUEST_LATENCY_BUCKETS,
    since: "0.7",
    source: perFinished((finished) => finished.prefillTimeS),
  },
  {
    name: "vllm:request_decode_time_seconds",
    type: "histogram",
    help: "Histogram of time spent in DECODE phase for request.",
    buckets: REQUEST_LATENCY_BUCKETS,
    since: "0.7",
    source: perFinished((finished) => finished.decodeTimeS),
  },
  {
    name: "vllm:request_prefill_kv_computed_tokens",
    type: "histogram",
    help: "Histogram of new KV tokens computed during prefill (excluding cached tokens).",
    buckets: "tokens",
    since: "0.13",
    source: perFinished((finished) => finished.numPromptTokens - finished.numCachedTokens),
  },
];

/** 1, 2, 5, 10, 20, 50, ... as far as `maxModelLen`. */
export function tokenBuckets(maxModelLen: number): number[] {
  const buckets: number[] = [];
  for (let decade = 1; ; decade *= 10) {
    for (const step of [1, 2, 5]) {
      if (step * decade > maxModelLen) return buckets;
      buckets.push(step * decade);
    }
  }
}
