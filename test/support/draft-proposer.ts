// Proposes random draft tokens for the simulation. Some match the request's future output; others differ from
// it starting at a random position, or are left to the draft model.

import { MODEL_DRAFT } from "../../src/request/model-draft.ts";
import type { Request } from "../../src/request/request.ts";
import type { Prng } from "./prng.ts";

const MAX_DRAFT_TOKENS = 9;

export class DraftProposer {
  readonly #prng: Prng;
  /** Probability that a request gets a draft before a step. */
  readonly #rate: number;
  /** Output of each request if only the context length limited it. */
  readonly #continuations: ReadonlyMap<Request, readonly number[]>;

  constructor(prng: Prng, rate: number, continuations: ReadonlyMap<Request, readonly number[]>) {
    this.#prng = prng;
    this.#rate = rate;
    this.#continuations = continuations;
  }

  propose(requests: readonly Request[]): void {
    for (const request of requests) {
      if (this.#prng.chance(this.#rate)) request.draftTokenIds = this.#draft(request);
    }
  }

  #draft(request: Request): number[] {
    const prng = this.#prng;
    const length = prng.int(1, MAX_DRAFT_TOKENS);
    if (prng.chance(0.4)) return new Array<number>(length).fill(MODEL_DRAFT);
    const { numOutputTokens } = request;
    const right = this.#continuations
      .get(request)
      ?.slice(numOutputTokens, numOutputTokens + length);
    const firstWrong = prng.chance(0.4) ? length : prng.int(0, length - 1);
    return Array.from({ length }, (_, i) => {
      const tokenId = right?.[i] ?? prng.int(0, 255);
      return i < firstWrong ? tokenId : (tokenId + 1) % 256;
    });
  }
}
