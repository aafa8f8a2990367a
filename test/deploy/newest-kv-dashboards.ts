// Queries in the newest dashboards published for vLLM: KV Cache, Speculative Decoding.

import { cacheRatios, promptTokensBySource } from "./newest-dashboards.ts";
import { type DashboardQuery, ENGINE, type Feature, panel, shortForms } from "./promql.ts";

export function newestKvDashboards(): DashboardQuery[] {
  return [
    ...kvTiles(),
    ...kvGraphs(),
    ...residency(),
    ...connector(),
    ...nixl(),
    ...offload(),
    ...speculation(),
  ];
}

const { series, rate, ratio, mean, quantile, percentiles } = shortForms(ENGINE);

const kvCache = (title: string, exprs: string | readonly string[], needs: Feature | null = null) =>
  panel("KV Cache", title, exprs, needs);

const PREFIX_HIT_RATE = ["prefix_cache_hits_total", "prefix_cache_queries_total"] as const;
const BY_ENGINE = "instance, engine";
const USAGE = series("kv_cache_usage_perc");

const waiting = (reason: string) =>
  `sum(${series("num_requests_waiting_by_reason", `reason="${reason}"`)})`;

function kvTiles(): DashboardQuery[] {
  return [
    ...kvCache("Usage tiles", [`max(${USAGE})`, `avg(${USAGE})`]),
    ...kvCache("Prefix hit rate", ratio(...PREFIX_HIT_RATE)),
    ...kvCache("Cached prompt share", ratio("prompt_tokens_cached_total", "prompt_tokens_total")),
    ...kvCache("Preemptions", rate("num_preemptions_total")),
    ...kvCache("Waiting for capacity", waiting("capacity")),
  ];
}

function kvGraphs(): DashboardQuery[] {
  return [
    ...kvCache("Usage", `max by (${BY_ENGINE}) (${USAGE})`),
    ...kvCache("Queue", [
      `sum(${series("num_requests_running")})`,
      waiting("capacity"),
      waiting("deferred"),
    ]),
    ...kvCache("Preemptions by engine", rate("num_preemptions_total", BY_ENGINE)),
    ...kvCache("Prompt tokens by source", promptTokensBySource(ENGINE)),
    ...kvCache("Prefix hit rate by engine", ratio(...PREFIX_HIT_RATE, BY_ENGINE)),
    ...kvCache("Cached tokens by source", rate("prompt_tokens_cached_by_source_total", "source")),
    ...kvCache("Prompt and computed tokens", [
      mean("request_prompt_tokens"),
      mean("request_prefill_kv_computed_tokens"),
    ]),
    ...cacheRatios("KV Cache", "Cache hit rates", ENGINE),
  ];
}

function residency(): DashboardQuery[] {
  return ["lifetime", "idle_before_evict", "reuse_gap"].flatMap((what) =>
    kvCache(`Block ${what}`, percentiles(`kv_block_${what}_seconds`)),
  );
}

function connector(): DashboardQuery[] {
  const external = ratio("external_prefix_cache_hits_total", "external_prefix_cache_queries_total");
  const stages = `sum by (stage) (${series("num_requests_kv_fetch_by_stage")})`;
  return [
    ...kvCache("External hit rate", external, "KV connector"),
    ...kvCache("Fetches by stage", stages, "KV connector"),
    ...kvCache("Tokens from outside", promptTokensBySource(ENGINE).slice(2)),
  ];
}

function nixl(): DashboardQuery[] {
  const histograms = [
    "xfer_time_seconds",
    "bytes_transferred",
    "post_time_seconds",
    "num_descriptors",
  ];
  const failures = [
    "num_failed_transfers",
    "num_failed_notifications",
    "num_kv_expired_reqs",
    "num_notifications_after_expiry",
  ];
  return [
    ...histograms.flatMap((h) => kvCache(`NIXL ${h}`, percentiles(`nixl_${h}`), "NIXL")),
    ...kvCache(
      "NIXL throughput",
      [
        rate("nixl_bytes_transferred_sum"),
        ratio("nixl_bytes_transferred_sum", "nixl_xfer_time_seconds_sum"),
        rate("nixl_xfer_time_seconds_count"),
      ],
      "NIXL",
    ),
    ...kvCache(
      "NIXL failures",
      failures.map((name) => rate(`nixl_${name}_total`)),
      "NIXL",
    ),
  ];
}

function offload(): DashboardQuery[] {
  const of = (title: string, exprs: readonly string[]) => kvCache(title, exprs, "KV offload");
  const usages = ["", "_write", "_read"];
  const directions = ["load", "store"];
  return [
    ...of(
      "Offloaded bytes",
      directions.map((way) => rate(`kv_offload_${way}_bytes_total`)),
    ),
    ...of(
      "Offload bandwidth",
      directions.map((way) =>
        ratio(`kv_offload_${way}_bytes_total`, `kv_offload_${way}_time_total`),
      ),
    ),
    ...of(
      "Offload size",
      directions.map((way) => mean(`kv_offload_${way}_size`)),
    ),
    ...of(
      "Lookup delay",
      ["sync", "async"].map((kind) => quantile(0.99, `kv_offload_lookup_${kind}_delay_seconds`)),
    ),
    ...of(
      "CPU cache usage",
      usages.map((kind) => `max(${series(`kv_offload_cpu_cache${kind}_usage_perc`)})`),
    ),
    ...of("Offload failures", [
      rate("kv_offload_allocation_failure_total"),
      rate("kv_offload_stores_skipped_total"),
    ]),
    ...of("Simple offload", [
      rate("simple_kv_offload_save_outcomes_total", "outcome"),
      rate("simple_kv_offload_load_blocks_total"),
      `sum(${series("simple_kv_offload_used_blocks")})`,
      `sum(${series("simple_kv_offload_pending_store_blocks")})`,
    ]),
  ];
}

function speculation(): DashboardQuery[] {
  const of = (title: string, exprs: string | readonly string[]) =>
    panel("Speculative Decoding", title, exprs);
  const drafts = "spec_decode_num_drafts_total";
  const drafted = "spec_decode_num_draft_tokens_total";
  const accepted = "spec_decode_num_accepted_tokens_total";
  const byPosition = rate("spec_decode_num_accepted_tokens_per_pos_total", "position");
  return [
    ...of("Acceptance rate", [
      ratio(accepted, drafted),
      ratio(accepted, drafted, "model_name"),
      ratio(accepted, drafted, BY_ENGINE),
    ]),
    ...of("Mean length", [
      `1 + ${ratio(accepted, drafts)}`,
      `1 + ${ratio(accepted, drafts, "model_name")}`,
    ]),
    ...of("Tokens", [
      rate(accepted),
      rate(drafted),
      rate(drafts),
      `${rate(drafted)} - ${rate(accepted)}`,
    ]),
    ...of("Accepted share of output", ratio(accepted, "generation_tokens_total")),
    ...of("Acceptance by position", `${byPosition} / on () group_left () (${rate(drafts)} > 0)`),
    ...panel(
      "Speculative Decoding",
      "Inter token latency",
      percentiles("inter_token_latency_seconds"),
    ),
  ];
}
