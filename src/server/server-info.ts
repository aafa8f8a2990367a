// GET /server_info: the engine's configuration, as text or JSON, grouped as in vLLM's config.

import { quoted } from "../api/quote.ts";
import { RequestError } from "../errors.ts";
import { jsonResponse } from "./json-response.ts";
import type { ServerContext } from "./server-context.ts";

export function serverInfo(context: ServerContext, query: URLSearchParams): Response {
  const format = query.get("config_format") ?? "text";
  const config = configOf(context);
  if (format === "json") return jsonResponse({ vllm_config: config });
  if (format === "text") return jsonResponse({ vllm_config: textOf(config) });
  const message = `config_format must be text or json, got ${quoted(format)}.`;
  throw new RequestError("invalid_value", message, "config_format");
}

function configOf({ front: { info }, modelRoot, servedModelNames, maxLogprobs }: ServerContext) {
  const { model } = info;
  return {
    model_config: {
      model: modelRoot,
      served_model_name: servedModelNames,
      architecture: model.architecture,
      quantization: model.quantization,
      max_model_len: info.maxModelLen,
      max_logprobs: maxLogprobs ?? -1,
    },
    cache_config: {
      block_size: info.blockSize,
      num_gpu_blocks: info.numBlocks,
      num_gpu_blocks_override: info.numBlocksOverride,
      cache_dtype: info.kvCacheType,
      kv_cache_memory_bytes: info.kvCacheMemoryBytes,
      enable_prefix_caching: info.enablePrefixCaching,
    },
    scheduler_config: {
      max_num_seqs: info.maxNumSeqs,
      max_num_batched_tokens: info.maxNumBatchedTokens,
    },
    device_config: {
      device: model.device,
      attention_backend: model.attentionBackend,
      weight_kernels: model.weightKernels,
    },
  };
}

function textOf(config: Readonly<Record<string, Readonly<Record<string, unknown>>>>): string {
  const values = Object.values(config).flatMap((group) => Object.entries(group));
  return values.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(", ");
}
