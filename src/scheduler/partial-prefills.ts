// Limits how many requests a step leaves with uncomputed tokens: long prompts then pass one after the other,
// each as fast as it can, instead of all of them late. Whole prompts are admitted beside them.

import type { AdmissionRule, Candidate } from "./admission-rule.ts";
import type { ScheduledRequest } from "./scheduler-output.ts";

export class PartialPrefillLimit implements AdmissionRule {
  readonly #max: number;
  #count: number;

  /** @param scheduled what the step has planned so far */
  constructor(maxNumPartialPrefills: number, scheduled: readonly ScheduledRequest[]) {
    this.#max = maxNumPartialPrefills;
    this.#count = scheduled.filter(({ output }) => output === "none").length;
  }

  admits(candidate: Candidate): boolean {
    return !isPartial(candidate) || this.#count < this.#max;
  }

  admitted(candidate: Candidate): void {
    if (isPartial(candidate)) this.#count++;
  }
}

function isPartial({ request, numCachedTokens, numNewTokens }: Candidate): boolean {
  return numCachedTokens + numNewTokens < request.numTokens;
}
