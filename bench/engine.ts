// Runs the engine in this process, wired up as in the server: scheduler, runner, output processor and front
// end. Counts come from the stats records behind /metrics.

import { join } from "node:path";
import { InProcessEngine } from "../src/engine/in-process-engine.ts";
import { Front } from "../src/front/front.ts";
import { noneHash } from "../src/kvcache/block-hash.ts";
import type { MetricFeature } from "../src/metrics/family.ts";
import { Metrics } from "../src/metrics/metrics.ts";
import { DEFAULT_MODEL_FILE } from "../src/models/default-model.ts";
import { PLAIN_TEXT } from "../src/protocol/message-parsing.ts";
import type { EngineInfo } from "../src/protocol/protocol.ts";
import type { IterationStats, SchedulerStats, StatListener } from "../src/protocol/stats.ts";
import type { DecodedLogprob, PositionLogprobs } from "../src/request/logprobs.ts";
import { DEFAULT_SAMPLING_PARAMS, type SamplingParams } from "../src/request/sampling-params.ts";
import { DEFAULT_LOAD_OPTIONS } from "../src/runner/addon-types.ts";
import type { ModelRunner } from "../src/runner/model-runner.ts";
import {
  NativeModelRunner,
  type NativeModelRunnerOptions,
} from "../src/runner/native-model-runner.ts";
import { processStats } from "../src/runtime/system.ts";
import { GROWTH_RESERVE_TOKENS } from "../src/scheduler/growth-reserve.ts";
import { Scheduler } from "../src/scheduler/scheduler.ts";
import { makeProposer } from "../src/speculation/make-proposer.ts";
import type { SpeculationConfig } from "../src/speculation/speculation-config.ts";

export const MODEL_PATH = join(import.meta.dir, "..", "models", DEFAULT_MODEL_FILE.name);

/** Default limits for every measurement. */
export const LIMITS = {
  blockSize: 16,
  maxNumSeqs: 16,
  maxNumBatchedTokens: 512,
  maxModelLen: 2048,
} as const;

export type Limits = Record<keyof typeof LIMITS, number>;

/** Loads the default model. @param numBlocks including the null block */
export function loadRunner(
  numBlocks: number,
  options: Partial<NativeModelRunnerOptions> = {},
): Promise<NativeModelRunner> {
  return NativeModelRunner.load({
    ...DEFAULT_LOAD_OPTIONS,
    ...LIMITS,
    path: MODEL_PATH,
    numBlocks,
    numThreads: navigator.hardwareConcurrency,
    ...options,
  });
}

/** Totals since the engine started. */
export class EngineCounts implements StatListener {
  numSteps = 0;
  numComputedTokens = 0;
  numPromptTokens = 0;
  numCachedPromptTokens = 0;
  numGenerationTokens = 0;
  numPreemptions = 0;
  /** Time spent in forward passes and sampling, in ms. */
  nativeMs = 0;
  /** Draft counts, as in the speculative decoding metrics. */
  numDrafts = 0;
  numDraftTokens = 0;
  numAcceptedTokens = 0;

  record(scheduler: SchedulerStats, iteration: IterationStats | null): void {
    this.numComputedTokens += scheduler.numScheduledTokens;
    this.numPreemptions += scheduler.numPreemptedReqs;
    this.nativeMs += scheduler.forwardMs + scheduler.samplingMs;
    if (scheduler.numScheduledTokens > 0) this.numSteps++;
    this.numDrafts += scheduler.specDecode?.numDrafts ?? 0;
    this.numDraftTokens += scheduler.specDecode?.numDraftTokens ?? 0;
    this.numAcceptedTokens += scheduler.specDecode?.numAcceptedTokens ?? 0;
    if (iteration === null) return;
    this.numPromptTokens += iteration.numPromptTokens;
    this.numCachedPromptTokens += iteration.numCachedPromptTokens;
    this.numGenerationTokens += iteration.numGenerationTokens;
  }
}

export interface BenchEngine {
  readonly engine: Front;
  readonly counts: EngineCounts;
  shutdown(): Promise<void>;
}

/**
 * Builds an engine on top of `runner` and takes ownership of the runner.
 * @param hasMetrics false = count nothing, like --disable-log-stats
 * @param speculation null = no speculative decoding
 * @param isAdaptive false = verify all drafts, no matter what they cost
 */
export function startEngine(
  runner: ModelRunner,
  numBlocks: number,
  limits: Limits = LIMITS,
  hasMetrics = true,
  speculation: SpeculationConfig | null = null,
  isAdaptive = true,
): BenchEngine {
  const client = startClient(runner, numBlocks, limits, speculation, isAdaptive);
  const counts = new EngineCounts();
  const metrics = makeMetrics(client.info, ["log-stats"]);
  const engine = new Front(client, { listeners: hasMetrics ? [metrics, counts] : [] });
  return { engine, counts, shutdown: () => client.shutdown() };
}

/** Like startEngine(), but without the front end. */
export function startClient(
  runner: ModelRunner,
  numBlocks: number,
  limits: Limits,
  speculation: SpeculationConfig | null = null,
  isAdaptive = true,
): InProcessEngine {
  const scheduler = new Scheduler({
    ...limits,
    numBlocks,
    enablePrefixCaching: true,
    rootHash: noneHash("0"),
    residency: null,
    longPrefillTokenThreshold: null,
    maxNumPartialPrefills: null,
    growthReserveTokens: GROWTH_RESERVE_TOKENS,
    targetInterTokenLatencyMs: null,
    draftLimits: isAdaptive ? speculation : null,
    policy: "fcfs",
    eosTokenIds: runner.info.eosTokenIds,
  });
  const numSpeculativeTokens = speculation?.numSpeculativeTokens ?? 0;
  const info = { ...engineInfo(runner, numBlocks, limits), numSpeculativeTokens };
  const proposer = speculation && makeProposer(speculation);
  return new InProcessEngine({ info, scheduler, runner, seed: 0n, proposer });
}

export function makeMetrics(info: EngineInfo, features: readonly MetricFeature[]): Metrics {
  return new Metrics({
    info,
    modelName: "bench",
    showHiddenFor: null,
    createdSeries: true,
    features: new Set(features),
    isEngineUp: () => true,
    processStats,
    nowS: () => Date.now() / 1000,
  });
}

export function engineInfo(runner: ModelRunner, numBlocks: number, limits: Limits): EngineInfo {
  return {
    ...limits,
    model: runner.info,
    memory: runner.memory(),
    chatFormat: PLAIN_TEXT,
    formatTokens: [],
    numBlocks,
    enablePrefixCaching: true,
    kvCacheType: "f16",
    kvCacheMemoryBytes: null,
    numBlocksOverride: numBlocks,
    numSpeculativeTokens: 0,
    maxLoras: 0,
  };
}

export interface Answer {
  readonly tokenIds: readonly number[];
  /** Parallel to tokenIds; empty unless requested. */
  readonly logprobs: readonly PositionLogprobs<DecodedLogprob>[];
}

/**
 * Sends all prompts at once and reads every output to the end. By default, decoding is greedy and ignores
 * EOS, so every output is maxTokens long.
 */
export function generateAll(
  engine: Front,
  prompts: readonly Int32Array[],
  params: Partial<SamplingParams> & { readonly maxTokens: number },
): Promise<Answer[]> {
  const samplingParams = {
    ...DEFAULT_SAMPLING_PARAMS,
    temperature: 0,
    ignoreEos: true,
    ...params,
  };
  return Promise.all(prompts.map((prompt) => generate(engine, prompt, samplingParams)));
}

async function generate(
  engine: Front,
  promptTokenIds: Int32Array,
  samplingParams: SamplingParams,
): Promise<Answer> {
  const tokenIds: number[] = [];
  const logprobs: PositionLogprobs<DecodedLogprob>[] = [];
  const stream = engine.generate({
    externalId: "bench",
    prompt: promptTokenIds,
    samplingParams,
    mustFit: false,
    priority: 0,
    cacheSalt: null,
    arrivalMs: performance.now(),
  });
  for await (const output of stream) {
    tokenIds.push(...output.tokenIds);
    logprobs.push(...(output.logprobs ?? []));
  }
  return { tokenIds, logprobs };
}
