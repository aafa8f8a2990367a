// Builds steps for the default model without a scheduler, placing given tokens in given blocks.

import { Request } from "../../src/request/request.ts";
import { DEFAULT_SAMPLING_PARAMS } from "../../src/request/sampling-params.ts";
import type { ModelRunner } from "../../src/runner/model-runner.ts";
import type { ScheduledRequest, StepPlan } from "../../src/scheduler/scheduler-output.ts";
import { loadRunner } from "../engine.ts";
import { median, tokensOf } from "../measure.ts";

export const BLOCK_SIZE = 16;
/** Largest step and longest context of these checks. */
const MAX_TOKENS = 2048;
export const MAX_CONTEXT = 8192;

export function loadModel(
  numBlocks: number,
  numThreads = navigator.hardwareConcurrency,
): Promise<ModelRunner> {
  return loadRunner(numBlocks, {
    blockSize: BLOCK_SIZE,
    maxNumSeqs: 64,
    maxModelLen: MAX_CONTEXT,
    maxNumBatchedTokens: MAX_TOKENS,
    numThreads,
  });
}

export interface Entry {
  /** Number of tokens before the step. */
  readonly context: number;
  readonly numTokens: number;
  /** Blocks with room for the context and the new tokens. */
  readonly blockIds: readonly number[];
}

/** Returns `count` ids starting at `first`; if shuffled, consecutive ids are never next to each other. */
export function blocksFrom(first: number, count: number, isShuffled = false): number[] {
  return Array.from({ length: count }, (_, i) => first + (isShuffled ? (i * 37) % count : i));
}

function scheduled({ context, numTokens, blockIds }: Entry, sequence: number): ScheduledRequest {
  const request = new Request({
    externalId: `r${sequence}`,
    requestId: `r${sequence}`,
    promptTokenIds: tokensOf(sequence, context + numTokens),
    samplingParams: { ...DEFAULT_SAMPLING_PARAMS, temperature: 0 },
    priority: 0,
    arrivalOrder: sequence,
    cacheSalt: null,
    forkOf: null,
    grammar: null,
  });
  const numBlocks = Math.ceil((context + numTokens) / BLOCK_SIZE);
  return {
    request,
    numComputedTokens: context,
    numScheduledTokens: numTokens,
    blockIds: Int32Array.from(blockIds.slice(0, numBlocks)),
    output: "tokens",
    numDraftTokens: 0,
    adapterSlot: -1,
  };
}

export function planOf(entries: readonly Entry[]): StepPlan {
  return {
    stepId: 0,
    scheduled: entries.map(scheduled),
    numScheduledTokens: entries.reduce((sum, { numTokens }) => sum + numTokens, 0),
    transfers: { copies: [] },
    finishedRequestIds: [],
  };
}

/** One sequence that decodes, with the context in its own blocks. */
export const decodeEntry = (sequence: number, context: number): Entry => {
  const numBlocks = Math.floor(context / BLOCK_SIZE) + 1;
  return { context, numTokens: 1, blockIds: blocksFrom(1 + sequence * numBlocks, numBlocks) };
};

/** Median time of a forward pass in ms, ignoring the first pass. */
export async function passMs(runner: ModelRunner, plan: StepPlan, times = 15): Promise<number> {
  const passes: number[] = [];
  await runner.run(plan);
  for (let i = 0; i < times; i++) passes.push((await runner.run(plan)).forwardMs);
  return median(passes);
}
