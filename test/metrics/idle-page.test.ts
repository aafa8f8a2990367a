// An idle server's engine families, line by line: names, help, buckets, series, and their order, as a
// vLLM 0.13 server with 2,048 tokens prints them right after startup. Families from later versions are
// marked. The table is copied from that server's response, not from the catalog.

import { expect, test } from "bun:test";
import { INFO, makeMetrics } from "./fixtures.ts";

const TOKENS = "1.0 2.0 5.0 10.0 20.0 50.0 100.0 200.0 500.0 1000.0 2000.0";
const ITERATION = "1.0 8.0 16.0 32.0 64.0 128.0 256.0 512.0 1024.0 2048.0 4096.0 8192.0 16384.0";
const TTFT =
  "0.001 0.005 0.01 0.02 0.04 0.06 0.08 0.1 0.25 0.5 0.75 1.0 2.5 5.0 7.5 10.0 20.0 40.0 80.0 160.0 640.0 2560.0";
const LATENCY =
  "0.01 0.025 0.05 0.075 0.1 0.15 0.2 0.3 0.4 0.5 0.75 1.0 2.5 5.0 7.5 10.0 20.0 40.0 80.0";
const REQUEST =
  "0.3 0.5 0.8 1.0 1.5 2.0 2.5 5.0 10.0 15.0 20.0 30.0 40.0 50.0 60.0 120.0 240.0 480.0 960.0 1920.0 7680.0";

interface Expected {
  readonly name: string;
  readonly help: string;
  readonly kind: "gauge" | "counter" | "histogram";
  /** Label sets of the series, in order. */
  readonly series: readonly string[];
  readonly les: readonly string[];
}

const PLAIN = ['engine="0",model_name="tiny"'];

const gauge = (name: string, help: string, series: readonly string[] = PLAIN): Expected => ({
  name,
  help,
  kind: "gauge",
  series,
  les: [],
});

const counter = (name: string, help: string, series: readonly string[] = PLAIN): Expected => ({
  ...gauge(name, help, series),
  kind: "counter",
});

const histogram = (name: string, les: string, help: string): Expected => ({
  ...gauge(name, help),
  kind: "histogram",
  les: [...les.split(" "), "+Inf"],
});

const reasons = (...names: string[]) =>
  names.map((name) => `engine="0",finished_reason="${name}",model_name="tiny"`);
const trailing = (label: string, ...names: string[]) =>
  names.map((name) => `engine="0",model_name="tiny",${label}="${name}"`);

const EXPECTED: readonly Expected[] = [
  gauge("num_requests_running", "Number of requests in model execution batches."),
  gauge("num_requests_waiting", "Number of requests waiting to be processed."),
  // since 0.19
  gauge(
    "num_requests_waiting_by_reason",
    "Number of requests waiting to be processed, by reason.",
    trailing("reason", "capacity", "deferred"),
  ),
  gauge(
    "engine_sleep_state",
    "Engine sleep state; awake = 0 means engine is sleeping; awake = 1 means engine is awake; weights_offloaded = 1 means sleep level 1; discard_all = 1 means sleep level 2.",
    trailing("sleep_state", "awake", "weights_offloaded", "discard_all"),
  ),
  gauge("kv_cache_usage_perc", "KV-cache usage. 1 means 100 percent usage."),
  // behind an environment variable in vLLM
  counter(
    "corrupted_requests",
    "Corrupted requests, in terms of total number of requests with NaNs in logits.",
  ),
  counter("prefix_cache_queries", "Prefix cache queries, in terms of number of queried tokens."),
  counter("prefix_cache_hits", "Prefix cache hits, in terms of number of cached tokens."),
  counter("num_preemptions", "Cumulative number of preemption from the engine."),
  counter("prompt_tokens", "Number of prefill tokens processed."),
  // since 0.16
  counter(
    "prompt_tokens_by_source",
    "Number of prompt tokens by source.",
    trailing("source", "local_compute", "local_cache_hit", "external_kv_transfer"),
  ),
  // since 0.16
  counter("prompt_tokens_cached", "Number of cached prompt tokens (local + external)."),
  // since 0.32
  counter(
    "prompt_tokens_cached_by_source",
    "Number of cached prompt tokens by cache tier.",
    trailing("source", "device", "host", "disk", "p2p", "external_unspecified"),
  ),
  counter("generation_tokens", "Number of generation tokens processed."),
  counter(
    "request_success",
    "Count of successfully processed requests.",
    reasons("stop", "length", "abort", "error"),
  ),
  histogram("request_prompt_tokens", TOKENS, "Number of prefill tokens processed."),
  histogram("request_generation_tokens", TOKENS, "Number of generation tokens processed."),
  histogram("iteration_tokens_total", ITERATION, "Histogram of number of tokens per engine_step."),
  histogram(
    "request_max_num_generation_tokens",
    TOKENS,
    "Histogram of maximum number of requested generation tokens.",
  ),
  histogram("request_params_n", "1.0 2.0 5.0 10.0 20.0", "Histogram of the n request parameter."),
  histogram("request_params_max_tokens", TOKENS, "Histogram of the max_tokens request parameter."),
  histogram("time_to_first_token_seconds", TTFT, "Histogram of time to first token in seconds."),
  histogram("inter_token_latency_seconds", LATENCY, "Histogram of inter-token latency in seconds."),
  histogram(
    "request_time_per_output_token_seconds",
    LATENCY,
    "Histogram of time_per_output_token_seconds per request.",
  ),
  histogram("e2e_request_latency_seconds", REQUEST, "Histogram of e2e request latency in seconds."),
  histogram(
    "request_queue_time_seconds",
    REQUEST,
    "Histogram of time spent in WAITING phase for request.",
  ),
  histogram(
    "request_inference_time_seconds",
    REQUEST,
    "Histogram of time spent in RUNNING phase for request.",
  ),
  histogram(
    "request_prefill_time_seconds",
    REQUEST,
    "Histogram of time spent in PREFILL phase for request.",
  ),
  histogram(
    "request_decode_time_seconds",
    REQUEST,
    "Histogram of time spent in DECODE phase for request.",
  ),
  histogram(
    "request_prefill_kv_computed_tokens",
    TOKENS,
    "Histogram of new KV tokens computed during prefill (excluding cached tokens).",
  ),
  // since 0.30
  histogram(
    "request_num_preemptions",
    "1.0 2.0 3.0 4.0 5.0 10.0 20.0",
    "Histogram of the number of preemptions per request.",
  ),
];

/** Lines for one family at 0, with series created at 1_700_000_000.5 s. */
function linesOf({ name, help, kind, series, les }: Expected): string[] {
  const sample = `vllm:${name}${kind === "counter" ? "_total" : ""}`;
  const lines = [`# HELP ${sample} ${help}`, `# TYPE ${sample} ${kind}`];
  for (const le of les) {
    lines.push(`${sample}_bucket{engine="0",le="${le}",model_name="tiny"} 0.0`);
  }
  const suffixes = kind === "histogram" ? ["_count", "_sum"] : [""];
  for (const suffix of suffixes) {
    for (const labels of series) {
      const value = labels.endsWith('"awake"') ? "1.0" : "0.0";
      lines.push(`${sample}${suffix}{${labels}} ${value}`);
    }
  }
  if (kind === "gauge") return lines;
  const created = `vllm:${name}_created`;
  lines.push(`# HELP ${created} ${help}`, `# TYPE ${created} gauge`);
  return [...lines, ...series.map((labels) => `${created}{${labels}} 1.7000000005e+09`)];
}

test("prints every family for an idle engine, with every known series at 0", async () => {
  const info = { ...INFO, maxModelLen: 2048 };
  const text = await makeMetrics({ info, createdSeries: true }).text();
  const config = text.indexOf("# HELP vllm:cache_config_info");
  expect(text.slice(0, config).split("\n")).toEqual([...EXPECTED.flatMap(linesOf), ""]);
});

test("prints the cache configuration in Python's notation", async () => {
  const text = await makeMetrics().text();
  const start = text.indexOf("# HELP vllm:cache_config_info");
  expect(text.slice(start, text.indexOf("# HELP http_"))).toBe(
    "# HELP vllm:cache_config_info Information of the LLMEngine CacheConfig\n" +
      "# TYPE vllm:cache_config_info gauge\n" +
      'vllm:cache_config_info{block_size="16",cache_dtype="f16",enable_prefix_caching="True",' +
      'engine="0",kv_cache_max_concurrency="1.0",kv_cache_memory_bytes="None",' +
      'kv_cache_size_tokens="1024",kv_offloading_backend="None",kv_offloading_size="None",num_cpu_blocks="None",num_gpu_blocks="65",' +
      'num_gpu_blocks_override="65",prefix_caching_hash_algo="sha256_cbor",' +
      'sliding_window="None"} 1.0\n',
  );
});

test("prints options that are off, unset, or set in the cache configuration", async () => {
  const info = {
    ...INFO,
    model: { ...INFO.model, slidingWindow: 512 },
    maxModelLen: 300,
    enablePrefixCaching: false,
    kvCacheMemoryBytes: 1_048_576,
    numBlocksOverride: null,
  };
  const text = await makeMetrics({ info }).text();
  for (const label of [
    'enable_prefix_caching="False"',
    'kv_cache_max_concurrency="3.3684210526315788"',
    'kv_cache_memory_bytes="1048576"',
    'num_gpu_blocks_override="None"',
    'sliding_window="512"',
  ]) {
    expect(text).toContain(label);
  }
});
