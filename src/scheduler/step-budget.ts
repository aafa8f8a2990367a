// How many tokens a step may have. Without a decoding request: as many as are configured, for
// throughput. With one, somebody waits for the next token of a stream: as many as keep the step within
// the target latency, by what steps have cost. Free of clocks: durations come with the results.

import { assert } from "../assert.ts";
import type { Request } from "../request/request.ts";
import type { StepPlan, StepResult } from "./scheduler-output.ts";
import { StepCost } from "./step-cost.ts";

/** Longest time that a step with a decoding request should take, ms; null = any. */
export type TargetInterTokenLatency = number | "auto" | null;

/** "auto": at least this, and at least so many times what the decoding requests alone take. */
const AUTO_TARGET_MS = 80;
const AUTO_TARGET_DECODE_STEPS = 4;

/** Prefill tokens come in multiples of this, so that chunks end with blocks and kernels' tiles. */
const CHUNK_TOKENS = 16;

export class StepBudget {
  readonly #maxNumBatchedTokens: number;
  readonly #target: TargetInterTokenLatency;
  readonly #cost = new StepCost();

  constructor(maxNumBatchedTokens: number, target: TargetInterTokenLatency) {
    assert(maxNumBatchedTokens > 0, "a step needs tokens");
    this.#maxNumBatchedTokens = maxNumBatchedTokens;
    this.#target = target;
  }

  /**
   * Tokens of the next step: at least one for each running request as far as maxNumBatchedTokens goes,
   * and never so few that prompts stand still.
   */
  numTokens(running: readonly Request[]): number {
    const max = this.#maxNumBatchedTokens;
    if (this.#target === null) return max;
    let numDecodes = 0;
    for (const request of running) if (isDecode(request, request.numComputedTokens)) numDecodes++;
    if (numDecodes === 0) return max;
    const numFitting = this.#cost.numPrefillTokensWithin(this.#targetMs(this.#target));
    const numPrefillTokens = Math.max(
      alignedDown(Math.min(numFitting, max - numDecodes)),
      CHUNK_TOKENS,
      running.length - numDecodes,
    );
    return Math.min(max, numDecodes + numPrefillTokens);
  }

  /** Takes what a step cost. Before its tokens are appended to the requests. */
  learn({ scheduled, numScheduledTokens }: StepPlan, result: StepResult): void {
    if (this.#target === null) return;
    let numPrefillTokens = numScheduledTokens;
    for (const { request, numComputedTokens } of scheduled) {
      if (isDecode(request, numComputedTokens)) numPrefillTokens--;
    }
    this.#cost.learn({ numPrefillTokens, durationMs: result.forwardMs + result.samplingMs });
  }

  #targetMs(target: number | "auto"): number {
    if (target !== "auto") return target;
    return Math.max(AUTO_TARGET_MS, AUTO_TARGET_DECODE_STEPS * this.#cost.decodeMs);
  }
}

/** Exactly one uncomputed token, and it is an output token. */
function isDecode(request: Request, numComputedTokens: number): boolean {
  return request.numOutputTokens > 0 && request.numTokens - numComputedTokens === 1;
}

const alignedDown = (numTokens: number) => Math.floor(numTokens / CHUNK_TOKENS) * CHUNK_TOKENS;
