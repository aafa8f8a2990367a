// vLLM's prompt lookup ("ngram"): finds the longest n-gram at the end of a request's tokens that also occurs earlier, and
// proposes the tokens that followed it there. If there are several, the earliest one is used, as in vLLM.

import type { Request } from "../request/request.ts";
import { commonSuffix, NgramIndex } from "./ngram-index.ts";
import type { Proposer } from "./proposer.ts";

export interface NgramOptions {
  /** Minimum and maximum length of the n-gram, in tokens: 1 <= min <= max. */
  readonly promptLookupMin: number;
  readonly promptLookupMax: number;
}

/** Maximum number of earlier n-grams to compare, latest first, which limits the time in repetitive text. */
const MAX_CANDIDATES = 64;

const NO_TOKENS: readonly number[] = [];

export class NgramProposer implements Proposer {
  readonly #min: number;
  readonly #max: number;
  readonly #indexes = new WeakMap<Request, NgramIndex>();

  constructor({ promptLookupMin, promptLookupMax }: NgramOptions) {
    this.#min = promptLookupMin;
    this.#max = promptLookupMax;
  }

  propose(request: Request, maxTokens: number): readonly number[] {
    const tokenIds = request.tokenIds();
    const end = tokenIds.length;
    const index = this.#indexOf(request);
    index.extend(tokenIds, end - 1);
    let best = 0;
    let start = end;
    let numLeft = MAX_CANDIDATES;
    index.candidates(tokenIds, end, (candidate) => {
      const length = commonSuffix(tokenIds, end, tokenIds, candidate, this.#max);
      if (length >= this.#min && length >= best) {
        best = length;
        start = candidate;
      }
      return --numLeft > 0;
    });
    return best === 0 ? NO_TOKENS : [...tokenIds.subarray(start, start + maxTokens)];
  }

  finish(request: Request): void {
    this.#indexes.delete(request);
  }

  #indexOf(request: Request): NgramIndex {
    const known = this.#indexes.get(request);
    if (known !== undefined) return known;
    const index = new NgramIndex(this.#min);
    this.#indexes.set(request, index);
    return index;
  }
}
