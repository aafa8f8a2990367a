// Shared by the measurements: an engine over the real model, lines of results, medians.

import { join } from "node:path";
import { DEFAULT_MODEL_FILE } from "../src/cli/model-source.ts";
import { noneHash } from "../src/kvcache/block-hash.ts";
import { Request } from "../src/request/request.ts";
import { DEFAULT_SAMPLING_PARAMS, type SamplingParams } from "../src/request/sampling-params.ts";
import type { AttentionBackend } from "../src/runner/addon-types.ts";
import { NativeModelRunner } from "../src/runner/native-model-runner.ts";
import { Scheduler, type SchedulerConfig } from "../src/scheduler/scheduler.ts";

export const BLOCK_SIZE = 16;
const MODEL = join(import.meta.dir, "..", "models", DEFAULT_MODEL_FILE.name);

/** One result: what was measured, the figure, and what it should reach. */
export function report(name: string, figure: string, target: string): void {
  console.log(`  ${name.padEnd(62)} ${figure.padStart(14)}   ${target}`);
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

export interface RunnerOptions {
  readonly attentionBackend?: AttentionBackend;
  readonly numBlocks: number;
  readonly maxNumSeqs?: number;
  readonly maxNumBatchedTokens?: number;
}

export function loadRunner(options: RunnerOptions): Promise<NativeModelRunner> {
  return NativeModelRunner.load({
    path: MODEL,
    blockSize: BLOCK_SIZE,
    maxNumSeqs: 16,
    maxNumBatchedTokens: 512,
    maxModelLen: 4096,
    numThreads: navigator.hardwareConcurrency,
    attentionBackend: "paged",
    kvCacheType: "f16",
    numGpuLayers: 0,
    chatTemplate: "",
    ...options,
  });
}

export function makeScheduler(numBlocks: number, config: Partial<SchedulerConfig> = {}): Scheduler {
  return new Scheduler({
    numBlocks,
    blockSize: BLOCK_SIZE,
    enablePrefixCaching: true,
    rootHash: noneHash("0"),
    maxNumBatchedTokens: 512,
    maxNumSeqs: 16,
    maxModelLen: Math.min(4096, (numBlocks - 1) * BLOCK_SIZE),
    longPrefillTokenThreshold: 0,
    policy: "fcfs",
    eosTokenIds: [],
    ...config,
  });
}

let arrivalOrder = 0;

export function makeRequest(
  tokens: readonly number[],
  maxTokens: number,
  params: Partial<SamplingParams> = {},
): Request {
  return new Request({
    requestId: `r${arrivalOrder}`,
    promptTokenIds: Int32Array.from(tokens),
    samplingParams: {
      ...DEFAULT_SAMPLING_PARAMS,
      temperature: 0,
      ignoreEos: true,
      maxTokens,
      ...params,
    },
    priority: 0,
    arrivalOrder: arrivalOrder++,
    cacheSalt: null,
    forkOf: null,
  });
}

/** Ordinary token ids that differ from seed to seed. */
export function tokensOf(seed: number, length: number): number[] {
  return Array.from({ length }, (_, i) => 1000 + ((seed * 7919 + i * 104729) % 40_000));
}

export interface RunResult {
  readonly seconds: number;
  readonly numComputedTokens: number;
  readonly numSteps: number;
  readonly numGeneratedTokens: number;
}

/** Runs requests to their end. */
export async function runAll(
  runner: NativeModelRunner,
  scheduler: Scheduler,
  requests: readonly Request[],
): Promise<RunResult> {
  for (const request of requests) scheduler.add(request);
  const start = performance.now();
  let numComputedTokens = 0;
  let numSteps = 0;
  while (scheduler.hasWork) {
    const plan = scheduler.schedule();
    numComputedTokens += plan.numScheduledTokens;
    numSteps++;
    scheduler.update(plan, await runner.run(plan));
  }
  const seconds = (performance.now() - start) / 1000;
  const numGeneratedTokens = requests.reduce((sum, request) => sum + request.numOutputTokens, 0);
  return { seconds, numComputedTokens, numSteps, numGeneratedTokens };
}
