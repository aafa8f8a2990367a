// Constructors for tests: requests with chosen tokens, and schedulers of a chosen size.

import { noneHash } from "../../src/kvcache/block-hash.ts";
import { Request, type RequestInit } from "../../src/request/request.ts";
import { DEFAULT_SAMPLING_PARAMS, type SamplingParams } from "../../src/request/sampling-params.ts";
import { Scheduler, type SchedulerConfig } from "../../src/scheduler/scheduler.ts";
import type { StepPlan, StepResult } from "../../src/scheduler/scheduler-output.ts";

let arrivalOrder = 0;

export interface RequestOptions extends Partial<Omit<RequestInit, "samplingParams">> {
  readonly params?: Partial<SamplingParams>;
}

/** @param prompt token IDs, or a number of tokens for 0, 1, 2, ... */
export function makeRequest(
  requestId: string,
  prompt: number | readonly number[],
  options: RequestOptions = {},
): Request {
  const { params, ...init } = options;
  const tokens = typeof prompt === "number" ? Array.from({ length: prompt }, (_, i) => i) : prompt;
  return new Request({
    externalId: `cmpl-${requestId}`,
    requestId,
    promptTokenIds: Int32Array.from(tokens),
    samplingParams: { ...DEFAULT_SAMPLING_PARAMS, temperature: 0, ...params },
    priority: 0,
    arrivalOrder: arrivalOrder++,
    cacheSalt: null,
    forkOf: null,
    grammar: null,
    ...init,
  });
}

export const EOS = 9999;

export function makeScheduler(config: Partial<SchedulerConfig> = {}): Scheduler {
  const numBlocks = config.numBlocks ?? 65;
  const blockSize = config.blockSize ?? 16;
  return new Scheduler({
    numBlocks,
    blockSize,
    enablePrefixCaching: true,
    rootHash: noneHash("0"),
    maxNumBatchedTokens: 512,
    maxNumSeqs: 16,
    maxModelLen: (numBlocks - 1) * blockSize,
    residency: null,
    longPrefillTokenThreshold: null,
    maxNumPartialPrefills: null,
    growthReserveTokens: null,
    targetInterTokenLatencyMs: null,
    draftLimits: null,
    policy: "fcfs",
    eosTokenIds: [EOS],
    ...config,
  });
}

/**
 * A result in which every sampling entry gets the tokens from `tokensOf`: one token, which rejects all
 * drafts, or several.
 */
export function makeResult(
  plan: StepPlan,
  tokensOf: (request: Request) => number | readonly number[],
): StepResult {
  const results = plan.scheduled.map(({ request, output }) => ({
    tokenIds: output === "tokens" ? [tokensOf(request)].flat() : [],
    logprobs: null,
    pooled: null,
    isRefused: false,
    promptLogprobs: null,
    isCorrupted: false,
  }));
  return { results, forwardMs: 0, samplingMs: 0 };
}

/** Runs one whole step in which every sampled token is `tokenId`. */
export function step(scheduler: Scheduler, tokenId = 7): StepPlan {
  const plan = scheduler.schedule();
  scheduler.update(
    plan,
    makeResult(plan, () => tokenId),
  );
  return plan;
}

/** Ids of preempted requests that are waiting to run again. */
export const preempted = (requests: readonly Request[]) =>
  requests.filter(({ status }) => status === "PREEMPTED").map(({ requestId }) => requestId);

/** ID, first position, number of tokens, and block IDs of each planned request. */
export const summary = (plan: StepPlan) =>
  plan.scheduled.map((entry) => [
    entry.request.requestId,
    entry.numComputedTokens,
    entry.numScheduledTokens,
    [...entry.blockIds],
  ]);
