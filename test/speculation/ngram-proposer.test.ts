// Prompt lookup: which earlier tokens are proposed. Compared with a search through the whole text.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { NgramProposer } from "../../src/speculation/ngram-proposer.ts";
import { makeRequest } from "../support/make-request.ts";

const propose = (tokens: readonly number[], min: number, max: number, maxTokens = 3) =>
  new NgramProposer({ promptLookupMin: min, promptLookupMax: max }).propose(
    makeRequest("a", tokens),
    maxTokens,
  );

/**
 * Finds the earliest occurrence of the longest n-gram that ends the text and also occurs earlier.
 */
function searched(tokens: readonly number[], min: number, max: number, maxTokens: number) {
  for (let length = Math.min(max, tokens.length - 1); length >= min; length--) {
    const gram = tokens.slice(-length).join();
    for (let end = length; end < tokens.length; end++) {
      if (tokens.slice(end - length, end).join() === gram) {
        return tokens.slice(end, end + maxTokens);
      }
    }
  }
  return [];
}

describe("the n-gram proposer", () => {
  test("proposes the tokens after the earlier occurrence of the last n-gram", () => {
    expect(propose([1, 2, 3, 4, 5, 6, 2, 3], 2, 2)).toEqual([4, 5, 6]);
  });

  test("prefers a longer n-gram, then the earliest one", () => {
    expect(propose([9, 2, 3, 7, 1, 2, 3, 8, 1, 2, 3], 2, 3, 1)).toEqual([8]);
    expect(propose([9, 2, 3, 7, 1, 2, 3, 8, 1, 2, 3], 2, 2, 1)).toEqual([7]);
  });

  test("proposes fewer tokens at the end of the text, and none if there is no match or there are too few tokens", () => {
    expect(propose([5, 5], 1, 1)).toEqual([5]);
    expect(propose([1, 2, 3], 1, 3)).toEqual([]);
    expect(propose([1], 1, 3)).toEqual([]);
    expect(propose([1, 2, 1, 2], 5, 5)).toEqual([]);
  });

  test("follows a growing request as if it had just been added", () => {
    const text = fc.array(fc.nat(2), { minLength: 1, maxLength: 60 });
    const range = fc.tuple(fc.integer({ min: 1, max: 3 }), fc.nat(3));
    fc.assert(
      fc.property(text, text, range, (prompt, output, [min, more]) => {
        const options = { promptLookupMin: min, promptLookupMax: min + more };
        const proposer = new NgramProposer(options);
        const request = makeRequest("a", prompt);
        for (const tokenId of output.slice(0, Math.max(0, 62 - prompt.length))) {
          request.appendOutputToken(tokenId);
          const all = [...request.tokenIds()];
          expect(proposer.propose(request, 4)).toEqual(searched(all, min, min + more, 4));
        }
      }),
    );
  });

  test("keeps requests separate", () => {
    const proposer = new NgramProposer({ promptLookupMin: 1, promptLookupMax: 1 });
    expect(proposer.propose(makeRequest("a", [1, 2, 1]), 1)).toEqual([2]);
    expect(proposer.propose(makeRequest("b", [3, 1]), 1)).toEqual([]);
  });

  test("finds a match in text that repeats one token thousands of times", () => {
    const tokens = Array.from({ length: 5000 }, () => 7);
    expect(propose(tokens, 2, 5)).toEqual([7, 7, 7]);
  });
});
