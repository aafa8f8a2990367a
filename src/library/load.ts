// Starts an engine in the caller's process from the library's load options. The options are parsed with the command
// line's option table, so defaults and bounds are defined in one place.

import type { ServeOptions } from "../cli/commands.ts";
import { withDraftModel } from "../cli/draft-model.ts";
import { engineConfig } from "../cli/engine-config.ts";
import { parseOptions } from "../cli/parse-options.ts";
import { type DecidedSampling, samplingDefaults } from "../cli/sampling-defaults.ts";
import { checkBuilt, unbuiltFlag } from "../cli/unbuilt-flags.ts";
import { startEngine } from "../engine/start-engine.ts";
import { ConfigError } from "../errors.ts";
import { MODELS_DIR } from "../models/default-model.ts";
import { modelNameOf } from "../models/model-name.ts";
import { resolveModel } from "../models/model-source.ts";
import type { EngineClient } from "../protocol/protocol.ts";
import { availableMemory } from "../runtime/system.ts";
import { LOAD_NAMES, optionsFault, strangeName } from "./option-names.ts";
import type { LoadOptions } from "./options.ts";

/** Load options that correspond to command-line flags. */
const FLAGS = {
  contextLength: "max-model-len",
  allowLongContext: "allow-long-max-model-len",
  maxSequences: "max-num-seqs",
  maxBatchedTokens: "max-num-batched-tokens",
  maxQueued: "max-num-queued-reqs",
  kvCacheBytes: "kv-cache-memory-bytes",
  kvCacheType: "kv-cache-dtype",
  prefixCaching: "enable-prefix-caching",
  gpuLayers: "gpu-layers",
  threads: "threads",
  seed: "seed",
  generationConfig: "generation-config",
  overrideGenerationConfig: "override-generation-config",
  chatTemplate: "chat-template",
  toolCallParser: "tool-call-parser",
  reasoningParser: "reasoning-parser",
  reasoningBudget: "reasoning-budget",
  speculativeConfig: "speculative-config",
  enableLora: "enable-lora",
  maxLoras: "max-loras",
  maxLoraRank: "max-lora-rank",
  maxCpuLoras: "max-cpu-loras",
} as const satisfies Partial<Record<keyof LoadOptions, keyof ServeOptions>>;

/**
 * Default for maxQueued. It is higher than the server's, since a program that queues too much delays only itself.
 */
const MAX_QUEUED = 4096;

export interface LoadedEngine {
  readonly client: EngineClient;
  readonly options: ServeOptions;
  readonly sampling: DecidedSampling;
  readonly path: string;
  readonly name: string;
  readonly logger: (line: string) => void;
}

/** @throws ConfigError, a NativeError, or the signal's reason */
export async function loadEngine(model: string, load: LoadOptions): Promise<LoadedEngine> {
  return startedEngine(model, load).catch((error) => {
    throw inOptionNames(error);
  });
}

async function startedEngine(model: string, load: LoadOptions): Promise<LoadedEngine> {
  checkCall(model, load);
  const { signal, logger = () => {}, onProgress = () => {} } = load;
  signal?.throwIfAborted();
  const options = serveOptions(load, logger);
  const source = {
    modelsDir: MODELS_DIR,
    env: process.env,
    log: logger,
    isOffline: load.offline === true,
    signal,
  };
  const path = await resolveModel(model, source);
  signal?.throwIfAborted();
  const sampling = samplingDefaults(options, path);
  const client = await startEngine(await withDraftModel(engineConfig(options, path), source), {
    availableBytes: availableMemory(),
    onLoadProgress: onProgress,
    log: logger,
  });
  if (signal?.aborted === true) {
    await client.shutdown();
    throw signal.reason;
  }
  return { client, options, sampling, path, name: load.name ?? modelNameOf(path), logger };
}

/** @throws ConfigError "invalid_option" or "unsupported_option" */
function checkCall(model: string, load: LoadOptions): void {
  const kind = optionsFault(load);
  if (kind !== null) throw new ConfigError("invalid_option", kind);
  for (const [name, value] of Object.entries(load)) {
    if (value !== undefined) checkBuilt(flagName(name), name, value);
  }
  if (typeof model !== "string") {
    throw new ConfigError("invalid_option", `model must be a string, got ${model}`);
  }
  if (load.name !== undefined && (typeof load.name !== "string" || load.name === "")) {
    throw new ConfigError("invalid_option", `name must be a non-empty string, got ${load.name}`);
  }
  const numModules = Object.keys(load.loraModules ?? {}).length;
  if (numModules > 0 && load.enableLora !== true)
    throw new ConfigError("invalid_option", "loraModules requires enableLora");
  const isBuilt = ([name]: [string, unknown]) => unbuiltFlag(flagName(name)) === undefined;
  const fault = strangeName(Object.fromEntries(Object.entries(load).filter(isBuilt)), LOAD_NAMES);
  if (fault !== null) throw new ConfigError("invalid_option", fault);
}

/** Replaces flags in an error message with option names, since the library has no flags. */
function inOptionNames(error: unknown): unknown {
  if (!(error instanceof ConfigError)) return error;
  const message = Object.entries(FLAGS).reduce(
    (text, [name, flag]) => text.replace(new RegExp(`--${flag}(?![\\w-])`, "g"), name),
    error.message,
  );
  return new ConfigError(error.code, message, { cause: error.cause });
}

/** @throws ConfigError "invalid_option" */
function serveOptions(load: LoadOptions, warn: (line: string) => void): ServeOptions {
  const asked = { maxQueued: MAX_QUEUED, ...load };
  const argv = Object.entries(FLAGS).flatMap(([name, flag]) => {
    const value = asked[name as keyof typeof FLAGS];
    if (value === undefined || value === "auto") return [];
    return [`--${flag}=${typeof value === "object" ? JSON.stringify(value) : value}`];
  });
  return parseOptions("serve", { argv, env: {}, readYaml: () => ({}) }, warn);
}

/** Converts enableLora and enable_lora to enable-lora. */
function flagName(name: string): string {
  return name.replaceAll("_", "-").replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
