// Builds the engine's config from the options.

import type { EngineConfig } from "../engine/engine-config.ts";
import { ConfigError } from "../errors.ts";
import { fileFault } from "../runtime/file-fault.ts";
import { readUtf8 } from "../runtime/system.ts";
import { speculationConfig } from "../speculation/speculation-config.ts";
import { templateFacts } from "./chat-format.ts";
import type { ServeOptions } from "./commands.ts";
import { loraConfig } from "./lora-config.ts";
import { planThreads } from "./thread-plan.ts";

/** @throws ConfigError "invalid_option", and for the same reasons as readGgufHeader() */
export function engineConfig(options: ServeOptions, modelPath: string): EngineConfig {
  const maxNumBatchedTokens = options["max-num-batched-tokens"];
  const chatTemplate = templateText(options["chat-template"]);
  return {
    modelPath,
    kvCacheType: options["kv-cache-dtype"],
    blockSize: options["block-size"],
    maxNumSeqs: Math.min(options["max-num-seqs"], maxNumBatchedTokens),
    maxNumBatchedTokens,
    maxModelLen: options["max-model-len"],
    allowLongMaxModelLen: options["allow-long-max-model-len"],
    kvCacheMemoryBytes: options["kv-cache-memory-bytes"],
    numBlocksOverride: options["num-gpu-blocks-override"],
    enablePrefixCaching: options["enable-prefix-caching"],
    hashSeed: process.env["PYTHONHASHSEED"] ?? null,
    residencySampleRate: residencySampleRate(options),
    // 0 = no limit, as in vLLM.
    longPrefillTokenThreshold: options["long-prefill-token-threshold"] || null,
    maxNumPartialPrefills: options["max-num-partial-prefills"],
    targetInterTokenLatencyMs: targetLatency(options["target-inter-token-latency-ms"]),
    speculation: speculationConfig(options["speculative-config"]),
    lora: loraConfig(options),
    policy: options["scheduling-policy"],
    seed: BigInt(options.seed),
    ...planThreads(options),
    poll: options.poll,
    attentionBackend: options["attention-backend"],
    weightKernels: options["weight-kernels"],
    numGpuLayers: options["gpu-layers"],
    chatTemplate,
    ...templateFacts(options, modelPath, chatTemplate),
  };
}

/** @returns null if statistics are off, since nothing would read the samples */
function residencySampleRate(options: ServeOptions): number | null {
  if (!options["kv-cache-metrics"] || options["disable-log-stats"]) return null;
  return options["kv-cache-metrics-sample"];
}

function targetLatency(option: number | null): EngineConfig["targetInterTokenLatencyMs"] {
  if (option === null) return "auto";
  return option === 0 ? null : option;
}

/** Characters that mark a template rather than a path, as in vLLM. */
const JINJA_CHARACTERS = /[{}\n]/;

/**
 * Reads the template from a file, or uses the option itself as the template.
 * @throws ConfigError "invalid_option"
 */
export function templateText(option: string): string {
  if (option === "") return "";
  const text = readTemplate(option);
  if (text.trim() !== "") return text;
  throw new ConfigError("invalid_option", `--chat-template: ${option} is empty`);
}

function readTemplate(option: string): string {
  try {
    return readUtf8(option);
  } catch (cause) {
    if (JINJA_CHARACTERS.test(option)) return option;
    const message = `--chat-template: cannot read ${option}: ${fileFault(cause)}`;
    throw new ConfigError("invalid_option", message, { cause });
  }
}
