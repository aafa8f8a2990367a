// vllm:cache_config_info: the configuration of the KV cache, as labels in Python's notation. Fields that
// mean nothing in Pagoda are omitted.

import type { EngineInfo } from "../protocol/protocol.ts";
import { type MetricFamily, onScrape } from "./family.ts";
import { formatNumber } from "./number-format.ts";

/** Value of each label, sorted by label name. */
const FIELDS: Readonly<Record<string, (info: EngineInfo) => string>> = {
  block_size: ({ blockSize }) => String(blockSize),
  cache_dtype: ({ kvCacheType }) => kvCacheType,
  enable_prefix_caching: ({ enablePrefixCaching }) => pythonText(enablePrefixCaching),
  kv_cache_max_concurrency: (info) => formatNumber(maxConcurrency(info)),
  kv_cache_memory_bytes: ({ kvCacheMemoryBytes }) => pythonText(kvCacheMemoryBytes),
  kv_cache_size_tokens: ({ numBlocks, blockSize }) => String((numBlocks - 1) * blockSize),
  kv_offloading_backend: () => "None",
  kv_offloading_size: () => "None",
  num_cpu_blocks: () => "None",
  num_gpu_blocks: ({ numBlocks }) => String(numBlocks),
  num_gpu_blocks_override: ({ numBlocksOverride }) => pythonText(numBlocksOverride),
  prefix_caching_hash_algo: () => "sha256_cbor",
  sliding_window: ({ model: { slidingWindow } }) => pythonText(slidingWindow),
};

export const CACHE_CONFIG_FAMILY: MetricFamily = {
  name: "vllm:cache_config_info",
  type: "gauge",
  help: "Information of the LLMEngine CacheConfig",
  common: ["engine"],
  labels: Object.keys(FIELDS).map((name) => ({ name, values: null })),
  since: "0.8",
  enabledBy: "log-stats",
  meaning:
    "Always 1. Its labels describe the KV cache. Gateways read `block_size` and `num_gpu_blocks` as integers.",
  source: onScrape(({ info }, sink) => {
    sink.set(1, ...Object.values(FIELDS).map((value) => value(info)));
  }),
};

/** @returns the number of maximum-length requests that fit in the pool at once */
function maxConcurrency({ numBlocks, maxModelLen, blockSize }: EngineInfo): number {
  return (numBlocks - 1) / Math.ceil(maxModelLen / blockSize);
}

function pythonText(value: number | boolean | null): string {
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  return String(value);
}
