// The tables from vLLM's Production Metrics page: name, type, and description. Families for a feature that is
// not implemented yet name that feature.

export interface PageRow {
  readonly name: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly help: string;
  readonly needs?: "multimodal input" | "KV connector" | "NIXL";
}

const SAMPLED = "Sampled metrics (controlled by --kv-cache-metrics-sample).";

const row =
  (type: PageRow["type"]) =>
  (name: string, help: string, needs?: PageRow["needs"]): PageRow => ({
    name,
    type,
    help,
    ...(needs === undefined ? {} : { needs }),
  });
const counter = row("counter");
const gauge = row("gauge");
const histogram = row("histogram");

const EXTERNAL = "External prefix cache";
const SHARED = "from KV connector cross-instance cache sharing, in terms of number of";

export const PAGE: readonly PageRow[] = [
  counter(
    "corrupted_requests",
    "Corrupted requests, in terms of total number of requests with NaNs in logits.",
  ),
  counter(
    "external_prefix_cache_hits",
    `${EXTERNAL} hits ${SHARED} cached tokens.`,
    "KV connector",
  ),
  counter(
    "external_prefix_cache_queries",
    `${EXTERNAL} queries ${SHARED} queried tokens.`,
    "KV connector",
  ),
  counter("generation_tokens", "Number of generation tokens processed."),
  counter(
    "mm_cache_hits",
    "Multi-modal cache hits, in terms of number of cached items.",
    "multimodal input",
  ),
  counter(
    "mm_cache_queries",
    "Multi-modal cache queries, in terms of number of queried items.",
    "multimodal input",
  ),
  counter("num_preemptions", "Cumulative number of preemption from the engine."),
  counter("prefix_cache_hits", "Prefix cache hits, in terms of number of cached tokens."),
  counter("prefix_cache_queries", "Prefix cache queries, in terms of number of queried tokens."),
  counter("prompt_tokens", "Number of prefill tokens processed."),
  counter("request_success", "Count of successfully processed requests."),
  gauge(
    "engine_sleep_state",
    "Engine sleep state; awake = 0 means engine is sleeping; awake = 1 means engine is awake; weights_offloaded = 1 means sleep level 1; discard_all = 1 means sleep level 2.",
  ),
  gauge("kv_cache_usage_perc", "KV-cache usage. 1 means 100 percent usage."),
  gauge("lora_requests_info", "Running stats on lora requests."),
  gauge("num_requests_running", "Number of requests in model execution batches."),
  gauge("num_requests_waiting", "Number of requests waiting to be processed."),
  histogram("e2e_request_latency_seconds", "Histogram of e2e request latency in seconds."),
  histogram("inter_token_latency_seconds", "Histogram of inter-token latency in seconds."),
  histogram("iteration_tokens_total", "Histogram of number of tokens per engine_step."),
  histogram(
    "kv_block_idle_before_evict_seconds",
    `Histogram of idle time before KV cache block eviction. ${SAMPLED}`,
  ),
  histogram(
    "kv_block_lifetime_seconds",
    `Histogram of KV cache block lifetime from allocation to eviction. ${SAMPLED}`,
  ),
  histogram(
    "kv_block_reuse_gap_seconds",
    `Histogram of time gaps between consecutive KV cache block accesses. Only the most recent accesses are recorded (ring buffer). ${SAMPLED}`,
  ),
  histogram("request_decode_time_seconds", "Histogram of time spent in DECODE phase for request."),
  histogram("request_generation_tokens", "Number of generation tokens processed."),
  histogram(
    "request_inference_time_seconds",
    "Histogram of time spent in RUNNING phase for request.",
  ),
  histogram(
    "request_max_num_generation_tokens",
    "Histogram of maximum number of requested generation tokens.",
  ),
  histogram("request_params_max_tokens", "Histogram of the max_tokens request parameter."),
  histogram("request_params_n", "Histogram of the n request parameter."),
  histogram(
    "request_prefill_kv_computed_tokens",
    "Histogram of new KV tokens computed during prefill (excluding cached tokens).",
  ),
  histogram(
    "request_prefill_time_seconds",
    "Histogram of time spent in PREFILL phase for request.",
  ),
  histogram("request_prompt_tokens", "Number of prefill tokens processed."),
  histogram("request_queue_time_seconds", "Histogram of time spent in WAITING phase for request."),
  histogram(
    "request_time_per_output_token_seconds",
    "Histogram of time_per_output_token_seconds per request.",
  ),
  histogram(
    "time_per_output_token_seconds",
    "Histogram of time per output token in seconds.DEPRECATED: Use vllm:inter_token_latency_seconds instead.",
  ),
  histogram("time_to_first_token_seconds", "Histogram of time to first token in seconds."),
  counter("spec_decode_num_accepted_tokens", "Number of accepted tokens."),
  counter("spec_decode_num_accepted_tokens_per_pos", "Accepted tokens per draft position."),
  counter("spec_decode_num_draft_tokens", "Number of draft tokens."),
  counter("spec_decode_num_drafts", "Number of spec decoding drafts."),
  counter("nixl_num_failed_notifications", "Number of failed NIXL KV Cache notifications.", "NIXL"),
  counter("nixl_num_failed_transfers", "Number of failed NIXL KV Cache transfers.", "NIXL"),
  histogram(
    "nixl_bytes_transferred",
    "Histogram of bytes transferred per NIXL KV Cache transfers.",
    "NIXL",
  ),
  histogram(
    "nixl_num_descriptors",
    "Histogram of number of descriptors per NIXL KV Cache transfers.",
    "NIXL",
  ),
  histogram(
    "nixl_post_time_seconds",
    "Histogram of transfer post time for NIXL KV Cache transfers.",
    "NIXL",
  ),
  histogram(
    "nixl_xfer_time_seconds",
    "Histogram of transfer duration for NIXL KV Cache transfers.",
    "NIXL",
  ),
];
