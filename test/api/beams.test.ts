// Extension and choice of beams, by vLLM's rules.

import { describe, expect, test } from "bun:test";
import { type BeamRules, bestBeams, extensions, FIRST_BEAM, scoreOf } from "../../src/api/beams.ts";

const RULES: BeamRules = {
  width: 2,
  lengthPenalty: 1,
  endTokenIds: new Set([9]),
  includesEnd: false,
  numPromptTokens: 3,
};

const entry = (tokenId: number, logprob: number) => ({
  tokenId,
  logprob,
  rank: 1,
  bytes: Uint8Array.of(tokenId),
});
const position = (...entries: [tokenId: number, logprob: number][]) => {
  const top = entries.map(([tokenId, logprob]) => entry(tokenId, logprob));
  return { chosen: top[0] ?? entry(0, 0), top };
};
const beam = (tokenIds: number[], logprob: number, endTokenId: number | null = null) => ({
  ...FIRST_BEAM,
  ...{ tokenIds, logprob, endTokenId },
});

describe("extensions()", () => {
  test("adds each reported token and its log-probability", () => {
    const extended = extensions(beam([5], -1), position([6, -0.5], [7, -2]), RULES);
    expect(extended.map(({ tokenIds, logprob }) => [tokenIds, logprob])).toEqual([
      [[5, 6], -1.5],
      [[5, 7], -3],
    ]);
    expect(extended[1]?.positions[0]?.chosen.tokenId).toBe(7);
  });

  test("ends a beam at an end token, which it shows only if stop strings are included", () => {
    const [ended] = extensions(beam([5], 0), position([9, -1]), RULES);
    expect(ended).toMatchObject({ tokenIds: [5], endTokenId: 9, logprob: -1 });
    const rules = { ...RULES, includesEnd: true };
    expect(extensions(beam([5], 0), position([9, -1]), rules)[0]?.tokenIds).toEqual([5, 9]);
  });
});

describe("scoreOf()", () => {
  test("divides by the length of prompt and answer to the power of the penalty", () => {
    expect(scoreOf(beam([5, 6], -10), RULES)).toBe(-2);
    expect(scoreOf(beam([5, 6], -10), { ...RULES, lengthPenalty: 0 })).toBe(-10);
    expect(scoreOf(beam([5, 6], -50), { ...RULES, lengthPenalty: 2 })).toBe(-2);
  });

  test("does not count the end token", () => {
    expect(scoreOf(beam([5], -8, 9), RULES)).toBe(-2);
    expect(scoreOf(beam([5, 9], -8, 9), { ...RULES, includesEnd: true })).toBe(-2);
  });
});

describe("bestBeams()", () => {
  test("keeps the best, earlier ones first among equals", () => {
    const beams = [beam([1], -4), beam([2], -2), beam([3], -2), beam([4], -8)];
    expect(bestBeams(beams, RULES).map(({ tokenIds }) => tokenIds)).toEqual([[2], [3]]);
  });

  test("prefers longer beams with a penalty", () => {
    const beams = [beam([1], -4), beam([1, 2, 3], -5)];
    expect(bestBeams(beams, { ...RULES, width: 1 })).toEqual([beams[1] as (typeof beams)[1]]);
    expect(bestBeams(beams, { ...RULES, width: 1, lengthPenalty: 0 })).toEqual([
      beams[0] as (typeof beams)[0],
    ]);
  });

  test("has nothing to keep without beams", () => {
    expect(bestBeams([], RULES)).toEqual([]);
  });
});
