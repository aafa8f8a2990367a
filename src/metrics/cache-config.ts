// vllm:cache_config_info: how the KV cache is set up, as labels in Python's spelling. Only fields that
// mean something here.

import type { EngineInfo } from "../engine/protocol.ts";
import { formatNumber } from "./number-format.ts";
import type { FamilySnapshot, Labels } from "./registry.ts";

export const CACHE_CONFIG_NAME = "vllm:cache_config_info";
export const CACHE_CONFIG_HELP = "Information of the LLMEngine CacheConfig";

export function cacheConfigLabels(info: EngineInfo, engine: string): Labels {
  return {
    block_size: String(info.blockSize),
    cache_dtype: info.kvCacheType,
    enable_prefix_caching: pythonText(info.enablePrefixCaching),
    engine,
    kv_cache_max_concurrency: formatNumber(maxConcurrency(info)),
    kv_cache_memory_bytes: pythonText(info.kvCacheMemoryBytes),
    kv_cache_size_tokens: String((info.numBlocks - 1) * info.blockSize),
    num_cpu_blocks: "None",
    num_gpu_blocks: String(info.numBlocks),
    num_gpu_blocks_override: pythonText(info.numBlocksOverride),
    prefix_caching_hash_algo: "sha256_cbor",
    sliding_window: pythonText(info.model.slidingWindow === 0 ? null : info.model.slidingWindow),
  };
}

export function cacheConfigFamily(info: EngineInfo, engine: string): FamilySnapshot {
  return {
    name: CACHE_CONFIG_NAME,
    type: "gauge",
    help: CACHE_CONFIG_HELP,
    createdS: null,
    samples: [{ labels: cacheConfigLabels(info, engine), value: 1 }],
    histograms: [],
  };
}

/** Requests of the model's full length that the pool holds at once. */
function maxConcurrency({ numBlocks, maxModelLen, blockSize }: EngineInfo): number {
  return (numBlocks - 1) / Math.ceil(maxModelLen / blockSize);
}

function pythonText(value: number | boolean | null): string {
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  return String(value);
}
