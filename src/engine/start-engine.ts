// Starts an in-process engine from its config: plans memory, loads the model, and creates the scheduler and loop.

import { adapterOpener } from "../adapters/adapter-files.ts";
import { ConfigError, type ConfigErrorCode } from "../errors.ts";
import { formatMarkers } from "../formats/format-markers.ts";
import { endOfReasoning } from "../formats/reasoning-formats.ts";
import { noneHash } from "../kvcache/block-hash.ts";
import { BlockResidency } from "../kvcache/block-residency.ts";
import { listIds } from "../protocol/listed-ids.ts";
import type { ChatFormat } from "../protocol/message-parsing.ts";
import type { ModelHeader, ModelInfo } from "../protocol/model-info.ts";
import type { EngineInfo } from "../protocol/protocol.ts";
import { loadAddon } from "../runner/addon.ts";
import type { NativeError } from "../runner/addon-types.ts";
import { NativeModelRunner } from "../runner/native-model-runner.ts";
import { numAdapterSlots } from "../scheduler/adapter-slots.ts";
import { GROWTH_RESERVE_TOKENS } from "../scheduler/growth-reserve.ts";
import { Scheduler } from "../scheduler/scheduler.ts";
import type { DraftFault } from "../scheduler/scheduler-output.ts";
import { makeProposer } from "../speculation/make-proposer.ts";
import { asDraftFault } from "../speculation/speculation-config.ts";
import type { EngineConfig, EngineHost } from "./engine-config.ts";
import { InProcessEngine } from "./in-process-engine.ts";
import { planMemory } from "./memory-plan.ts";

/** @throws ConfigError if the model cannot be served; a NativeError for any other failure */
export async function startEngine(
  config: EngineConfig,
  host: EngineHost,
): Promise<InProcessEngine> {
  const { decided, limits, runner } = await loadModel(config, host).catch((error) => {
    throw asConfigError(error);
  });
  const { kvCacheType, kvCacheMemoryBytes, numBlocksOverride, seed } = decided;
  const scheduler = new Scheduler({
    ...limits,
    enablePrefixCaching: config.enablePrefixCaching,
    rootHash: rootHash(config.hashSeed),
    residency: blockResidency(config.residencySampleRate),
    longPrefillTokenThreshold: config.longPrefillTokenThreshold,
    maxNumPartialPrefills: config.maxNumPartialPrefills,
    growthReserveTokens: GROWTH_RESERVE_TOKENS,
    targetInterTokenLatencyMs: config.targetInterTokenLatencyMs,
    draftLimits: config.speculation,
    ...(config.lora && { adapterLimits: config.lora }),
    policy: config.policy,
    eosTokenIds: runner.info.eosTokenIds,
  });
  const info = {
    model: runner.info,
    memory: runner.memory(),
    chatFormat: config.chatFormat,
    templateIgnoresTools: config.templateIgnoresTools ?? false,
    formatTokens: formatTokens(config.chatFormat, runner.tokenizer),
    ...limits,
    enablePrefixCaching: config.enablePrefixCaching,
    kvCacheType,
    kvCacheMemoryBytes,
    numBlocksOverride,
    maxLoras: config.lora?.maxLoras ?? 0,
    numSpeculativeTokens: config.speculation?.numSpeculativeTokens ?? 0,
  };
  const proposer = config.speculation && makeProposer(config.speculation);
  const onStepFault = ({ message }: Error, externalIds: readonly string[]) =>
    host.log(`error: ${message}; requests: ${listIds(externalIds)}`);
  const onDraftFault = (fault: DraftFault) =>
    host.log(`warning: ${DRAFT_FAULTS[fault]}; decoding continues without its drafts`);
  const endText = endOfReasoning(config.chatFormat);
  const endIds = [...(await runner.tokenizer.encode(endText, false, true))];
  const onFault = ({ message }: Error) => host.log(`error: ${message}`);
  const adapterFiles = config.lora && { open: adapterOpener(config.modelPath), onFault };
  return new InProcessEngine({
    ...{ info, scheduler, runner, seed, endOfReasoning: endIds, proposer },
    ...{ onStepFault, onDraftFault },
    ...(adapterFiles && { adapterFiles }),
  });
}

const DRAFT_FAULTS: Readonly<Record<DraftFault, string>> = {
  nan: "the draft model computed NaN",
  failed: "a pass of the draft model failed",
};

/** Looks up a format's markers among the special tokens. */
function formatTokens(
  format: ChatFormat,
  tokenizer: NativeModelRunner["tokenizer"],
): EngineInfo["formatTokens"] {
  const markers = formatMarkers(format);
  const found: [string, number][] = [];
  for (let id = 0; id < tokenizer.vocabSize; id++) {
    if (!tokenizer.isSpecial(id)) continue;
    const text = Buffer.from(tokenizer.tokenBytes(id)).toString();
    if (markers.has(text)) found.push([text, id]);
  }
  return found;
}

async function loadModel(config: EngineConfig, host: EngineHost) {
  const decided = await decide(config, host.log);
  const limits = await planLimits(decided, host.availableBytes);
  return { decided, limits, runner: await loadRunner(decided, limits, host) };
}

/** The addon's error codes for problems with the model, its template or the machine. */
const MODEL_CODES: readonly ConfigErrorCode[] = [
  "model_not_found",
  "model_not_gguf",
  "model_truncated",
  "model_unsupported",
  "out_of_memory",
  "template_error",
];

/**
 * Converts a native error with one of MODEL_CODES to the ConfigError that TypeScript code throws for the same problem.
 */
function asConfigError(error: NativeError): Error {
  const code = MODEL_CODES.find((one) => one === error.code);
  if (code === undefined || error instanceof ConfigError) return error;
  return new ConfigError(code, error.message, { cause: error });
}

/** The value that means "all layers" in llama.cpp. */
const ALL_LAYERS = -1;

/** Resolves "auto" and null values for this machine. */
async function decide(config: EngineConfig, log: EngineHost["log"]) {
  const { hasGpu, pagedKvCacheType } = await loadAddon();
  const { attentionBackend, kvCacheType, numGpuLayers } = config;
  if (!hasGpu && numGpuLayers !== null && numGpuLayers > 0)
    log(`warning: --gpu-layers ${numGpuLayers} has no effect: this build finds no GPU`);
  const autoBackend = hasGpu && numGpuLayers !== 0 ? "ggml" : "paged";
  const backend = attentionBackend === "auto" ? autoBackend : attentionBackend;
  const autoType = backend === "paged" ? pagedKvCacheType : "f16";
  return {
    ...config,
    attentionBackend: backend,
    numGpuLayers: numGpuLayers ?? ALL_LAYERS,
    kvCacheType: kvCacheType === "auto" ? autoType : kvCacheType,
  } as const;
}

type DecidedConfig = Awaited<ReturnType<typeof decide>>;

async function planLimits(config: DecidedConfig, availableBytes: number | null) {
  const addon = await loadAddon();
  const header = await addon.readModelHeader(config.modelPath, config.kvCacheType);
  const draft = await draftHeader(config);
  const plan = planMemory({
    ...{ ...header, ...config, availableBytes },
    weightBytes: header.weightBytes + (draft?.weightBytes ?? 0),
    kvBytesPerToken: header.kvBytesPerToken + (draft?.kvBytesPerToken ?? 0),
  });
  const { blockSize, maxNumBatchedTokens } = config;
  const { numBlocks, maxModelLen, maxNumSeqs } = plan;
  return { numBlocks, blockSize, maxNumSeqs, maxNumBatchedTokens, maxModelLen };
}

/** @returns the draft model's header; null if there is no draft model */
async function draftHeader(config: DecidedConfig): Promise<ModelHeader | null> {
  const path = draftPathOf(config);
  if (path === "") return null;
  const addon = await loadAddon();
  return addon.readModelHeader(path, config.kvCacheType).catch((error) => {
    throw asDraftFault(asConfigError(error));
  });
}

/** @returns the path of the draft model's file; "" if there is no draft model */
const draftPathOf = ({ speculation }: DecidedConfig) =>
  speculation?.method === "draft_model" ? speculation.model : "";

type Limits = Awaited<ReturnType<typeof planLimits>>;

async function loadRunner(config: DecidedConfig, limits: Limits, host: EngineHost) {
  const { maxLoadedLoras = 0, maxLoraRank = 1 } = config.lora ?? {};
  const maxAdapters = numAdapterSlots(maxLoadedLoras);
  const adapters = { maxAdapters, maxAdapterRank: maxLoraRank };
  const options = {
    ...{ ...config, ...limits, ...adapters },
    path: config.modelPath,
    draftPath: draftPathOf(config),
  };
  try {
    const runner = await NativeModelRunner.load(options, host.onLoadProgress, host.log);
    warnOfUnpacked(runner.info, host.log);
    warnOfPreTokenizer(runner.info, host.log);
    return runner;
  } catch (error) {
    throw withMemoryAdvice(error);
  }
}

/**
 * Adds advice to an out-of-memory error. The plan fit in the free memory, so the cause must be an undetected limit or
 * another process.
 */
function withMemoryAdvice(error: unknown): unknown {
  const text = error instanceof Error ? error.message : "";
  if (!/insufficient memory|out of memory|cannot allocate/i.test(text)) return error;
  const advice = "lower --kv-cache-memory-bytes or --max-model-len, or raise the limit (ulimit -v)";
  return new ConfigError("out_of_memory", `${text}; ${advice}`, { cause: error });
}

function warnOfUnpacked({ unpackedTypes }: ModelInfo, log: (line: string) => void): void {
  if (unpackedTypes.length === 0) return;
  log(`warning: no fast kernel for weights of type ${unpackedTypes.join(", ")}; using ggml's`);
}

/** Warns if the model names no pre-tokenizer, in which case llama.cpp uses a default. */
function warnOfPreTokenizer(info: ModelInfo, log: (line: string) => void): void {
  if (!info.lacksPreTokenizer) return;
  log(
    "warning: the model file has no tokenizer.ggml.pre, so text may be tokenized differently than in training; convert the model again",
  );
}

function rootHash(seed: string | null): Uint8Array {
  return seed === null ? crypto.getRandomValues(new Uint8Array(32)) : noneHash(seed);
}

function blockResidency(sampleRate: number | null): BlockResidency | null {
  if (sampleRate === null) return null;
  const nowS = () => performance.now() / 1000;
  return new BlockResidency({ sampleRate, nowS, random: Math.random });
}
