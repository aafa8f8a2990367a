// vLLM's prompt lookup ("ngram"): finds the longest n-gram at the end of a request's tokens that also occurs earlier, and
// proposes the tokens that followed it there. If there are several, the earliest one is used, as in vLLM.

import type { Request } from "../request/request.ts";
import { commonSuffix } from "./ngram-index.ts";
import type { Proposer } from "./proposer.ts";
import { RequestIndexes } from "./request-indexes.ts";

export interface NgramOptions {
  /** Minimum and maximum length of the n-gram, in tokens: 1 <= min <= max. */
  readonly promptLookupMin: number;
  readonly promptLookupMax: number;
}

const NO_TOKENS: readonly number[] = [];

export class NgramProposer implements Proposer {
  readonly #min: number;
  readonly #max: number;
  readonly #indexes: RequestIndexes;

  constructor({ promptLookupMin, promptLookupMax }: NgramOptions) {
    this.#min = promptLookupMin;
    this.#max = promptLookupMax;
    this.#indexes = new RequestIndexes(promptLookupMin);
  }

  propose(request: Request, maxTokens: number): readonly number[] {
    const tokenIds = request.tokenIds();
    const end = tokenIds.length;
    let best = 0;
    let start = end;
    this.#indexes.of(request).candidates(tokenIds, end, (candidate) => {
      const length = commonSuffix(tokenIds, end, tokenIds, candidate, this.#max);
      if (length >= this.#min && length >= best) {
        best = length;
        start = candidate;
      }
    });
    return best === 0 ? NO_TOKENS : [...tokenIds.subarray(start, start + maxTokens)];
  }

  finish(request: Request): void {
    this.#indexes.delete(request);
  }
}
