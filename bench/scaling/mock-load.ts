// The scheduler with an empty forward pass, so that only Pagoda's own bookkeeping remains.

import { noneHash } from "../../src/kvcache/block-hash.ts";
import { Request } from "../../src/request/request.ts";
import { DEFAULT_SAMPLING_PARAMS } from "../../src/request/sampling-params.ts";
import { GROWTH_RESERVE_TOKENS } from "../../src/scheduler/growth-reserve.ts";
import { Scheduler, type SchedulerConfig } from "../../src/scheduler/scheduler.ts";
import type { StepPlan } from "../../src/scheduler/scheduler-output.ts";

export const BLOCK_SIZE = 16;
const TOKEN = 7;

export function mockScheduler(config: Partial<SchedulerConfig> & { numBlocks: number }): Scheduler {
  return new Scheduler({
    blockSize: BLOCK_SIZE,
    enablePrefixCaching: true,
    rootHash: noneHash("0"),
    maxNumBatchedTokens: 512,
    maxNumSeqs: 16,
    maxModelLen: (config.numBlocks - 1) * BLOCK_SIZE,
    residency: null,
    longPrefillTokenThreshold: null,
    maxNumPartialPrefills: null,
    growthReserveTokens: GROWTH_RESERVE_TOKENS,
    targetInterTokenLatencyMs: null,
    draftLimits: null,
    policy: "fcfs",
    eosTokenIds: [],
    ...config,
  });
}

let arrivalOrder = 0;

/** A greedy request with a unique prompt. */
export function mockRequest(numPromptTokens: number, maxTokens: number): Request {
  const order = arrivalOrder++;
  return new Request({
    externalId: `mock-${order}`,
    requestId: `mock-${order}`,
    promptTokenIds: Int32Array.from({ length: numPromptTokens }, (_, i) =>
      i === 0 ? order : (i * 7919) % 40_000,
    ),
    samplingParams: { ...DEFAULT_SAMPLING_PARAMS, temperature: 0, maxTokens, ignoreEos: true },
    priority: 0,
    arrivalOrder: order,
    cacheSalt: null,
    forkOf: null,
    grammar: null,
  });
}

/** Runs one whole step. */
export function mockStep(scheduler: Scheduler): StepPlan {
  const plan = scheduler.schedule();
  const results = plan.scheduled.map(({ output }) => ({
    tokenIds: output === "tokens" ? [TOKEN] : [],
    logprobs: null,
    pooled: null,
    isRefused: false,
    promptLogprobs: null,
    isCorrupted: false,
  }));
  scheduler.update(plan, { results, forwardMs: 0, samplingMs: 0 });
  return plan;
}

/** The process's CPU time during `work`, in µs. */
export function cpuUsOf(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

/** CPU time, in µs, of the fastest of `times` runs, which is the least disturbed one. */
export function leastCpuUs(times: number, work: () => void): number {
  return Math.min(...Array.from({ length: times }, () => cpuUsOf(work)));
}
