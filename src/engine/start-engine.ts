// From a config to a running engine in this process: memory plan, model, scheduler, loop.

import { noneHash } from "../kvcache/block-hash.ts";
import { BlockResidency } from "../kvcache/block-residency.ts";
import { loadAddon } from "../runner/addon.ts";
import type { AttentionBackend, ModelInfo } from "../runner/addon-types.ts";
import { NativeModelRunner } from "../runner/native-model-runner.ts";
import { GROWTH_RESERVE_TOKENS } from "../scheduler/growth-reserve.ts";
import { Scheduler } from "../scheduler/scheduler.ts";
import type { EngineConfig, EngineHost } from "./engine-config.ts";
import { InProcessEngine } from "./in-process-engine.ts";
import { planMemory } from "./memory-plan.ts";

/** @throws ConfigError "out_of_memory" or a NativeError when the model cannot be served */
export async function startEngine(
  config: EngineConfig,
  host: EngineHost,
): Promise<InProcessEngine> {
  const limits = await planLimits(config, host.availableBytes);
  const runner = await loadRunner(config, limits, host);
  const enablePrefixCaching = config.enablePrefixCaching && !runner.info.isRecurrent;
  const { kvCacheType, kvCacheMemoryBytes, numBlocksOverride, seed } = config;
  const scheduler = new Scheduler({
    ...limits,
    enablePrefixCaching,
    rootHash: rootHash(config.hashSeed),
    residency: blockResidency(config.residencySampleRate),
    longPrefillTokenThreshold: config.longPrefillTokenThreshold,
    growthReserveTokens: GROWTH_RESERVE_TOKENS,
    targetInterTokenLatencyMs: config.targetInterTokenLatencyMs,
    policy: config.policy,
    eosTokenIds: runner.info.eosTokenIds,
  });
  const info = {
    model: runner.info,
    memory: runner.memory(),
    ...limits,
    enablePrefixCaching,
    kvCacheType,
    kvCacheMemoryBytes,
    numBlocksOverride,
  };
  const onStepFault = ({ message }: Error) => host.log(`error: ${message}`);
  return new InProcessEngine({ info, scheduler, runner, seed, onStepFault });
}

async function planLimits(config: EngineConfig, availableBytes: number | null) {
  const addon = await loadAddon();
  const header = await addon.readModelHeader(config.modelPath, config.kvCacheType);
  const { blockSize, maxNumSeqs, maxNumBatchedTokens } = config;
  const { numBlocks, maxModelLen } = planMemory({ ...header, ...config, availableBytes });
  return { numBlocks, blockSize, maxNumSeqs, maxNumBatchedTokens, maxModelLen };
}

type Limits = Awaited<ReturnType<typeof planLimits>>;

async function loadRunner(config: EngineConfig, limits: Limits, host: EngineHost) {
  const { hasGpu } = await loadAddon();
  const autoBackend: AttentionBackend = hasGpu && config.numGpuLayers !== 0 ? "ggml" : "paged";
  const { attentionBackend, modelPath } = config;
  const runner = await NativeModelRunner.load(
    {
      ...config,
      ...limits,
      path: modelPath,
      attentionBackend: attentionBackend === "auto" ? autoBackend : attentionBackend,
    },
    host.onLoadProgress,
  );
  warnOfUnpacked(runner.info, host.log);
  return runner;
}

function warnOfUnpacked({ unpackedTypes }: ModelInfo, log: (line: string) => void): void {
  if (unpackedTypes.length === 0) return;
  log(`warning: no fast kernel for weights of type ${unpackedTypes.join(", ")}; ggml's serve`);
}

function rootHash(seed: string | null): Uint8Array {
  return seed === null ? crypto.getRandomValues(new Uint8Array(32)) : noneHash(seed);
}

function blockResidency(sampleRate: number | null): BlockResidency | null {
  if (sampleRate === null) return null;
  const nowS = () => performance.now() / 1000;
  return new BlockResidency({ sampleRate, nowS, random: Math.random });
}
