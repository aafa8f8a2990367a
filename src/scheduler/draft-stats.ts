// Counts drafts and accepted drafts as vLLM does: per request and step that verified drafts. Those from a
// client's prediction are also counted in their request.

import type { StepPlan, StepResult } from "./scheduler-output.ts";

export class DraftStats {
  #numDrafts = 0;
  #numDraftTokens = 0;
  #numAcceptedTokens = 0;
  #acceptedPerPos: number[] = [];

  /** Counts a step, including tokens that are dropped after a stop. */
  count({ scheduled }: StepPlan, { results }: StepResult): void {
    scheduled.forEach(({ request, numDraftTokens }, i) => {
      const numTokens = results[i]?.tokenIds.length ?? 0;
      if (numDraftTokens === 0 || numTokens === 0) return;
      this.#numDrafts++;
      this.#numDraftTokens += numDraftTokens;
      this.#numAcceptedTokens += numTokens - 1;
      if (request.isDraftPrediction) {
        request.numAcceptedPredictionTokens += numTokens - 1;
        request.numRejectedPredictionTokens += numDraftTokens - (numTokens - 1);
      }
      for (let position = 0; position < numTokens - 1; position++) {
        this.#acceptedPerPos[position] = (this.#acceptedPerPos[position] ?? 0) + 1;
      }
    });
  }

  /** @returns the counts since the last call; null if there were no drafts */
  take() {
    if (this.#numDrafts === 0) return null;
    const stats = {
      numDrafts: this.#numDrafts,
      numDraftTokens: this.#numDraftTokens,
      numAcceptedTokens: this.#numAcceptedTokens,
      acceptedPerPos: this.#acceptedPerPos,
    };
    this.#numDrafts = 0;
    this.#numDraftTokens = 0;
    this.#numAcceptedTokens = 0;
    this.#acceptedPerPos = [];
    return stats;
  }
}
