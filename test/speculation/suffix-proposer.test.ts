// Suffix decoding: proposes the tokens that most often followed the longest known suffix.

import { describe, expect, test } from "bun:test";
import { type SuffixOptions, SuffixProposer } from "../../src/speculation/suffix-proposer.ts";
import { makeRequest } from "../support/make-request.ts";

const OPTIONS: SuffixOptions = {
  maxTreeDepth: 8,
  maxCachedRequests: 10,
  maxSpecFactor: 1,
  minTokenProb: 0.1,
};

const propose = (tokens: readonly number[], options: Partial<SuffixOptions> = {}, maxTokens = 8) =>
  new SuffixProposer({ ...OPTIONS, ...options }).propose(makeRequest("a", tokens), maxTokens);

/** A proposer that has seen requests with these outputs. */
function after(outputs: readonly number[][], options: Partial<SuffixOptions> = {}, salt?: string) {
  const proposer = new SuffixProposer({ ...OPTIONS, ...options });
  outputs.forEach((output, i) => {
    const request = makeRequest(`past${i}`, [900 + i], { cacheSalt: salt ?? null });
    for (const tokenId of output) request.appendOutputToken(tokenId);
    proposer.finish(request);
  });
  return proposer;
}

describe("the suffix proposer", () => {
  test("proposes as many tokens as the suffix's length times the factor", () => {
    const text = [1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3];
    expect(propose(text)).toEqual([4, 5, 6]);
    expect(propose(text, { maxSpecFactor: 2 })).toEqual([4, 5, 6, 7, 8, 9]);
    expect(propose(text, { maxSpecFactor: 2 }, 4)).toEqual([4, 5, 6, 7]);
    expect(propose(text, { maxSpecFactor: 0.3 })).toEqual([]);
    expect(propose(text, { maxTreeDepth: 2 })).toEqual([4, 5]);
  });

  test("follows the most frequent continuation of the longest suffix", () => {
    const text = [1, 2, 5, 0, 1, 2, 6, 0, 1, 2, 6, 7, 0, 1, 2];
    expect(propose(text)).toEqual([6, 7, 0]);
    expect(propose([9, 1, 2, 5, 0, 1, 2, 6, 0, 1, 2, 6, 7, 9, 1, 2])).toEqual([5, 0, 1]);
  });

  test("ends a proposal before a token that is too unlikely", () => {
    const text = [1, 2, 5, 5, 0, 1, 2, 6, 0, 1, 2, 7, 0, 8, 1, 2];
    expect(propose(text, { minTokenProb: 0.3 }).length).toBe(2);
    expect(propose(text, { minTokenProb: 0.34 })).toEqual([]);
  });

  test("proposes nothing if no suffix of at least two tokens occurs earlier", () => {
    expect(propose([1, 2, 3, 2])).toEqual([]);
    expect(propose([1])).toEqual([]);
  });
});

describe("past outputs", () => {
  test("are continued if their suffix yields more tokens than the request's own", () => {
    const proposer = after([[1, 2, 3, 4, 5, 6]]);
    expect(proposer.propose(makeRequest("a", [7, 1, 2, 3]), 8)).toEqual([4, 5, 6]);
    expect(proposer.propose(makeRequest("b", [2, 3, 8, 8, 2, 3]), 8)).toEqual([8, 8]);
  });

  test("are not continued beyond their end, and do not include prompts", () => {
    const proposer = after([
      [1, 2, 3],
      [9, 9, 9],
    ]);
    expect(proposer.propose(makeRequest("a", [1, 2]), 8)).toEqual([3]);
    expect(proposer.propose(makeRequest("b", [900, 1]), 8)).toEqual([]);
  });

  test("are neither shared with nor taken from requests that have a salt", () => {
    const request = makeRequest("a", [1, 2], { cacheSalt: "s" });
    expect(after([[1, 2, 3]]).propose(request, 8)).toEqual([]);
    expect(after([[1, 2, 3]], {}, "s").propose(makeRequest("b", [1, 2]), 8)).toEqual([]);
  });

  test("are forgotten once there are too many newer outputs", () => {
    const others = (count: number) => Array.from({ length: count }, (_, i) => [50 + i, 70 + i]);
    const next = (proposer: SuffixProposer) => proposer.propose(makeRequest("a", [1, 2]), 8);
    expect(next(after([[1, 2, 3], ...others(9)]))).toEqual([3]);
    expect(next(after([[1, 2, 3], ...others(10)]))).toEqual([]);
    expect(next(after([[1, 2, 3]], { maxCachedRequests: 0 }))).toEqual([]);
  });
});
