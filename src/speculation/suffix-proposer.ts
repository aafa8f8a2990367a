// Suffix decoding (arXiv 2411.04975), with vLLM's options: looks for the longest suffix of a request's tokens in its
// earlier tokens and in past outputs, and proposes the tokens that most often followed it there. A longer suffix allows
// a longer proposal. Instead of a suffix tree, the latest occurrences are read from an index of n-grams, which takes far
// less memory and finds the same suffixes.

import type { Request } from "../request/request.ts";
import { commonSuffix, type NgramIndex } from "./ngram-index.ts";
import { PastOutputs } from "./past-outputs.ts";
import type { Proposer } from "./proposer.ts";
import { RequestIndexes } from "./request-indexes.ts";

export interface SuffixOptions {
  /** Maximum length of the suffix and of the proposal together, in tokens, at least 1. */
  readonly maxTreeDepth: number;
  /** Number of past outputs to predict from; 0 = none. */
  readonly maxCachedRequests: number;
  /** Maximum length of a proposal relative to that of the suffix, >= 0. */
  readonly maxSpecFactor: number;
  /** A proposal ends before a token that, according to the counts, is less likely than this, in [0, 1]. */
  readonly minTokenProb: number;
}

/** Minimum length of a suffix. A single token occurs almost everywhere. */
const MIN_SUFFIX = 2;

/** A proposal and the expected number of its correct tokens. */
interface Proposal {
  readonly tokenIds: readonly number[];
  readonly score: number;
}

/** The longest suffix that occurs in some text, and the ends of its occurrences. */
interface Occurrences {
  readonly length: number;
  readonly ends: readonly number[];
}

const NOTHING: Proposal = { tokenIds: [], score: 0 };

export class SuffixProposer implements Proposer {
  readonly #options: SuffixOptions;
  readonly #indexes = new RequestIndexes(MIN_SUFFIX);
  readonly #past: PastOutputs;

  constructor(options: SuffixOptions) {
    this.#options = options;
    this.#past = new PastOutputs(MIN_SUFFIX, options.maxCachedRequests);
  }

  propose(request: Request, maxTokens: number): readonly number[] {
    const tokenIds = request.tokenIds();
    const index = this.#indexes.of(request);
    let best = this.#proposalFrom(tokenIds, index, tokenIds, maxTokens);
    // Requests with a salt share nothing with others.
    for (const text of request.cacheSalt === null ? this.#past.texts : []) {
      const other = this.#proposalFrom(text.tokenIds, text.index, tokenIds, maxTokens);
      if (other.score > best.score) best = other;
    }
    return best.tokenIds;
  }

  finish(request: Request): void {
    this.#indexes.delete(request);
    if (request.cacheSalt === null) this.#past.add(request.tokenIds(request.numPromptTokens));
  }

  #proposalFrom(
    text: Int32Array,
    index: NgramIndex,
    tokenIds: Int32Array,
    maxTokens: number,
  ): Proposal {
    const { maxTreeDepth, maxSpecFactor } = this.#options;
    const found = occurrences(text, index, tokenIds, maxTreeDepth);
    const maxLength = Math.floor(maxSpecFactor * found.length);
    return this.#mostFrequent(text, found.ends, Math.min(maxTokens, maxLength));
  }

  /** Follows the occurrences, keeping the most frequent ones at each token. */
  #mostFrequent(text: Int32Array, ends: readonly number[], maxTokens: number): Proposal {
    const tokenIds: number[] = [];
    let score = 0;
    let probability = 1;
    let left = ends;
    while (tokenIds.length < maxTokens && left.length > 0) {
      const next = left.map((end) => text[end + tokenIds.length] ?? -1);
      const tokenId = mostFrequentOf(next);
      const agreeing = left.filter((_, i) => next[i] === tokenId);
      probability *= agreeing.length / left.length;
      if (tokenId < 0 || probability < this.#options.minTokenProb) break;
      tokenIds.push(tokenId);
      score += probability;
      left = agreeing;
    }
    return tokenIds.length === 0 ? NOTHING : { tokenIds, score };
  }
}

/**
 * Finds the longest suffix of `tokenIds`, of at most `maxLength` tokens, that occurs in some text.
 */
function occurrences(
  text: Int32Array,
  index: NgramIndex,
  tokenIds: Int32Array,
  maxLength: number,
): Occurrences {
  const end = tokenIds.length;
  let length = MIN_SUFFIX;
  let ends: number[] = [];
  index.candidates(tokenIds, end, (candidate) => {
    const common = commonSuffix(tokenIds, end, text, candidate, maxLength);
    if (common > length) ends = [];
    if (common >= length) {
      length = common;
      ends.push(candidate);
    }
  });
  return { length: ends.length === 0 ? 0 : length, ends };
}

/** @returns the most frequent token, or the first one in a tie */
function mostFrequentOf(tokenIds: readonly number[]): number {
  if (tokenIds.length === 1) return tokenIds[0] ?? -1;
  const counts = new Map<number, number>();
  let best = -1;
  for (const tokenId of tokenIds) {
    const count = (counts.get(tokenId) ?? 0) + 1;
    counts.set(tokenId, count);
    if (count > (counts.get(best) ?? 0)) best = tokenId;
  }
  return best;
}
