// Extending and selecting beams by vLLM's rules.

import { describe, expect, test } from "bun:test";
import {
  type Beam,
  type BeamRules,
  bestBeams,
  EMPTY_BEAM,
  extensions,
  positionsOf,
  scoreOf,
} from "../../src/api/beams.ts";

const RULES: BeamRules = {
  width: 2,
  lengthPenalty: 1,
  endTokenIds: new Set([9]),
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
/** Returns a beam with `numTokens` tokens. */
const beam = (numTokens: number, logprob: number, endTokenId: number | null = null): Beam => ({
  ...EMPTY_BEAM,
  ...{ numTokens, logprob, endTokenId },
});
const idsOf = (one: Beam | undefined) =>
  one && positionsOf(one).map(({ chosen }) => chosen.tokenId);

describe("extensions()", () => {
  test("adds each reported token and its log-probability", () => {
    const [five = EMPTY_BEAM] = extensions(EMPTY_BEAM, position([5, -1]), RULES);
    const extended = extensions(five, position([6, -0.5], [7, -2]), RULES);
    expect(extended.map((one) => [idsOf(one), one.numTokens, one.logprob])).toEqual([
      [[5, 6], 2, -1.5],
      [[5, 7], 2, -3],
    ]);
    expect(idsOf(five)).toEqual([5]);
  });

  test("ends a beam at an end token, which does not count as one of its tokens", () => {
    const [ended] = extensions(EMPTY_BEAM, position([9, -1]), RULES);
    expect(ended).toMatchObject({ numTokens: 0, endTokenId: 9, logprob: -1 });
    expect(idsOf(ended)).toEqual([9]);
  });
});

describe("scoreOf()", () => {
  test("divides the log-probability by the total length raised to the power of the penalty", () => {
    expect(scoreOf(beam(2, -10), RULES)).toBe(-2);
    expect(scoreOf(beam(2, -10), { ...RULES, lengthPenalty: 0 })).toBe(-10);
    expect(scoreOf(beam(2, -50), { ...RULES, lengthPenalty: 2 })).toBe(-2);
  });
});

describe("bestBeams()", () => {
  test("keeps the best beams and puts the earlier one first in a tie", () => {
    const beams = [beam(1, -4), beam(1, -2), beam(1, -2), beam(1, -8)];
    const best = bestBeams(beams, RULES);
    expect([best[0] === beams[1], best[1] === beams[2], best.length]).toEqual([true, true, 2]);
  });

  test("prefers longer beams if a length penalty is set", () => {
    const beams = [beam(1, -4), beam(3, -5)];
    expect(bestBeams(beams, { ...RULES, width: 1 })[0] === beams[1]).toBe(true);
    const rules = { ...RULES, width: 1, lengthPenalty: 0 };
    expect(bestBeams(beams, rules)[0] === beams[0]).toBe(true);
  });

  test("returns no beams if there are none", () => {
    expect(bestBeams([], RULES)).toEqual([]);
  });
});
