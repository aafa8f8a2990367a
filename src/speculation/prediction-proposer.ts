// Proposes from the text that a client predicts as output (OpenAI's `prediction`). It takes precedence over the
// server's own method, which is used where the output differs from the prediction.

import type { Request } from "../request/request.ts";
import { commonSuffix, NgramIndex } from "./ngram-index.ts";
import type { Proposer } from "./proposer.ts";

/**
 * Number of matching tokens that show where in the prediction the output is. Fewer are enough at its
 * start.
 */
const MIN_MATCH = 3;

/** Maximum number of equal tokens to compare, to tell repeated passages apart. */
const MAX_MATCH = 16;

export class PredictionProposer implements Proposer {
  readonly #other: Proposer;
  /** Indexes by prediction, which the n sequences of a request share. */
  readonly #indexes = new WeakMap<Int32Array, NgramIndex>();

  /** @param other proposer to use where nothing in the prediction matches */
  constructor(other: Proposer) {
    this.#other = other;
  }

  propose(request: Request, maxTokens: number): readonly number[] {
    const prediction = request.predictionTokenIds;
    const start = prediction && this.#position(request, prediction);
    const predicted = prediction?.subarray(start ?? prediction.length).subarray(0, maxTokens) ?? [];
    request.isDraftPrediction = predicted.length > 0;
    return predicted.length > 0 ? [...predicted] : this.#other.propose(request, maxTokens);
  }

  finish(request: Request): void {
    this.#other.finish(request);
  }

  /** @returns the position in the prediction that the output has reached; null if it does not match */
  #position(request: Request, prediction: Int32Array): number | null {
    const output = request.tokenIds(request.numPromptTokens);
    const end = output.length;
    const isAtStart = end < MIN_MATCH && commonSuffix(output, end, prediction, end, end) === end;
    if (isAtStart) return end;
    let best = MIN_MATCH - 1;
    let position: number | null = null;
    this.#indexOf(prediction).candidates(output, end, (candidate) => {
      const length = commonSuffix(output, end, prediction, candidate, MAX_MATCH);
      if (length > best || (length === best && position !== null)) {
        best = length;
        position = candidate;
      }
    });
    return position;
  }

  #indexOf(prediction: Int32Array): NgramIndex {
    const known = this.#indexes.get(prediction);
    if (known !== undefined) return known;
    const index = new NgramIndex(MIN_MATCH);
    index.extend(prediction, prediction.length);
    this.#indexes.set(prediction, index);
    return index;
  }
}
