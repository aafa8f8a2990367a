// Computes a step's token budget. If no requests are decoding, the budget is the configured maximum, for throughput.
// Otherwise, clients wait for the next token, so the budget keeps the step within the target latency, based on the
// measured cost of steps. Needs no clock, since results include durations.

import { assert } from "../assert.ts";
import type { Request } from "../request/request.ts";
import type { StepPlan, StepResult } from "./scheduler-output.ts";
import { StepCost } from "./step-cost.ts";

/** Target duration of a step that includes a decoding request, in ms; null = no limit. */
export type TargetInterTokenLatency = number | "auto" | null;

/** Target for "auto": this time, or this multiple of the duration of a decode-only step, whichever is longer. */
const AUTO_TARGET_MS = 80;
const AUTO_TARGET_DECODE_STEPS = 4;

/** The number of prefill tokens is a multiple of this, so that chunks end where blocks and the kernels' tiles end. */
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
   * @returns the maximum number of tokens for the next step: at least one per running request up to
   *   maxNumBatchedTokens, and always enough for prompts to make progress
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

  /** Learns the cost of a step. Must be called before tokens are appended to the requests. */
  learn({ scheduled, numScheduledTokens }: StepPlan, result: StepResult): void {
    if (this.#target === null) return;
    let numPrefillTokens = numScheduledTokens;
    let numDraftTokens = 0;
    for (const { request, numComputedTokens, numDraftTokens: numDrafts } of scheduled) {
      if (isDecode(request, numComputedTokens)) numPrefillTokens--;
      numDraftTokens += numDrafts;
    }
    // A few drafts say nothing about the cost of long prompts, or of a step without drafts.
    if (numDraftTokens > 0 && numPrefillTokens === numDraftTokens) return;
    this.#cost.learn({ numPrefillTokens, durationMs: result.forwardMs + result.samplingMs });
  }

  #targetMs(target: number | "auto"): number {
    if (target !== "auto") return target;
    return Math.max(AUTO_TARGET_MS, AUTO_TARGET_DECODE_STEPS * this.#cost.decodeMs);
  }
}

/** @returns true if a request has exactly one uncomputed token and that token is an output token */
function isDecode(request: Request, numComputedTokens: number): boolean {
  return request.numOutputTokens > 0 && request.numTokens - numComputedTokens === 1;
}

const alignedDown = (numTokens: number) => Math.floor(numTokens / CHUNK_TOKENS) * CHUNK_TOKENS;
