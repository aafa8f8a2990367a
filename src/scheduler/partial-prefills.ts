// Limits how many requests a step leaves partly computed. With this limit, long prompts are computed one after another
// at full speed, instead of all finishing late. Prompts that fit in the step as a whole are still admitted alongside
// them.

import type { AdmissionRule, Candidate } from "./admission-rule.ts";
import type { ScheduledRequest } from "./scheduler-output.ts";

export class PartialPrefillLimit implements AdmissionRule {
  readonly #max: number;
  #count: number;

  /** @param scheduled requests planned so far in this step */
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
