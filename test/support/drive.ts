// Drives a runner without a scheduler: the test chooses each sequence's blocks and tokens.

import type { Request } from "../../src/request/request.ts";
import type { ModelRunner } from "../../src/runner/model-runner.ts";
import type {
  BlockTransfers,
  ScheduledResult,
  StepPlan,
  StepResult,
} from "../../src/scheduler/scheduler-output.ts";

export interface Part {
  readonly request: Request;
  /** Block IDs of the request, which must cover all its tokens. */
  readonly blocks: readonly number[];
  /** Number of tokens to compute; default: all known tokens. */
  readonly numTokens?: number;
  /** Draft tokens after all known tokens; default: none. */
  readonly drafts?: readonly number[];
  /** Slot of the adapter; default: none. */
  readonly adapterSlot?: number;
}

let stepId = 0;

export function planOf(
  parts: readonly Part[],
  blockSize: number,
  copies: BlockTransfers["copies"] = [],
): StepPlan {
  const scheduled = parts.map(({ request, blocks, numTokens, drafts = [], adapterSlot = -1 }) => {
    const { numComputedTokens } = request;
    const numKnown = numTokens ?? request.numTokens - numComputedTokens;
    const numScheduledTokens = numKnown + drafts.length;
    request.draftTokenIds = drafts;
    const end = numComputedTokens + numScheduledTokens;
    const blockIds = Int32Array.from(blocks.slice(0, Math.ceil(end / blockSize)));
    const isWhole = numComputedTokens + numKnown === request.numTokens;
    const output = isWhole ? ("tokens" as const) : ("none" as const);
    const part = { request, numComputedTokens, numScheduledTokens, blockIds };
    return { ...part, output, numDraftTokens: drafts.length, adapterSlot };
  });
  return {
    stepId: stepId++,
    scheduled,
    numScheduledTokens: scheduled.reduce((sum, entry) => sum + entry.numScheduledTokens, 0),
    transfers: { copies },
    finishedRequestIds: [],
  };
}

/** Runs one step, advances the computed-token counters, and appends sampled tokens. */
export async function runStep(
  runner: ModelRunner,
  parts: readonly Part[],
  blockSize: number,
  copies: BlockTransfers["copies"] = [],
): Promise<StepResult> {
  const plan = planOf(parts, blockSize, copies);
  const result = await runner.run(plan);
  plan.scheduled.forEach(({ request, output, numScheduledTokens, numDraftTokens }, i) => {
    const tokenIds = result.results[i]?.tokenIds ?? [];
    const numRows = output === "tokens" ? numDraftTokens + 1 : 0;
    request.numComputedTokens += numScheduledTokens - (numRows - tokenIds.length);
    for (const tokenId of tokenIds) request.appendOutputToken(tokenId);
  });
  return result;
}

/** Runs steps until `numTokens` tokens have been generated. @returns the results of the first part */
export async function generate(
  runner: ModelRunner,
  parts: readonly Part[],
  blockSize: number,
  numTokens: number,
): Promise<ScheduledResult[]> {
  const results: ScheduledResult[] = [];
  for (let i = 0; i < numTokens; i++) {
    const { results: all } = await runStep(runner, parts, blockSize);
    const first = all[0];
    if (first !== undefined) results.push(first);
  }
  return results;
}
