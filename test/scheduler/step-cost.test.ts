// Costs learned from step times, with exact numbers.

import { describe, expect, test } from "bun:test";
import { StepCost } from "../../src/scheduler/step-cost.ts";

/** @param steps [number of prefill tokens, ms] for each step */
function costOf(...steps: [number, number][]): StepCost {
  const cost = new StepCost();
  for (const [numPrefillTokens, durationMs] of steps) cost.learn({ numPrefillTokens, durationMs });
  return cost;
}

describe("StepCost", () => {
  test("allows any number of tokens before the first step", () => {
    expect(costOf().decodeMs).toBe(0);
    expect(costOf().numPrefillTokensWithin(1)).toBe(Number.POSITIVE_INFINITY);
  });

  test("learns the token cost from prompts, and the decoding cost from steps without prefill", () => {
    const cost = costOf([100, 50], [0, 10], [0, 10]);
    expect(cost.decodeMs).toBe(10);
    expect(cost.numPrefillTokensWithin(60)).toBe(100);
    expect(cost.numPrefillTokensWithin(10)).toBe(0);
    expect(cost.numPrefillTokensWithin(5)).toBe(0);
  });

  test("in a mixed step, attributes the time beyond the decoding cost to prefill", () => {
    const cost = costOf([0, 20], [100, 70]);
    expect(cost.numPrefillTokensWithin(70)).toBe(100);
    expect(cost.decodeMs).toBe(20);
  });

  test("attributes at least a quarter of a mixed step to prefill, even if the decoding cost is from a larger batch", () => {
    expect(costOf([0, 20], [10, 20]).numPrefillTokensWithin(30)).toBe(20);
  });

  test("weights the last four decode steps as much as all earlier ones", () => {
    expect(costOf([0, 10], [0, 20]).decodeMs).toBe(15);
    const steady = Array.from({ length: 9 }, (): [number, number] => [0, 10]);
    expect(costOf(...steady, [0, 15]).decodeMs).toBe(11);
  });

  test("averages the time per token over 128 tokens, so short prompts have little weight", () => {
    const cost = costOf([128, 128], [512, 256], [32, 64]);
    // Averages: 1, then (1 * 128 + 0.5 * 512) / 640 = 0.6, then (0.6 * 128 + 1.2 * 32) / 160, since 2 is
    // limited to 1.2.
    expect(cost.numPrefillTokensWithin(0.72)).toBeCloseTo(1, 12);
  });

  test("limits a slow outlier's effect to less than double the average, no matter how long it took", () => {
    const steady: [number, number][] = [
      [128, 128],
      [0, 10],
      [0, 10],
      [0, 10],
      [0, 10],
    ];
    const cost = costOf(...steady, [0, 100_000], [64, 1_000_000]);
    expect(cost.decodeMs).toBe(12);
    expect(cost.numPrefillTokensWithin(12 + (1 * 128 + 2 * 64) / 192)).toBeCloseTo(1, 12);
  });

  test("follows a lasting change within a few steps", () => {
    const slow = Array.from({ length: 8 }, (): [number, number] => [128, 1280]);
    const cost = costOf([128, 128], ...slow);
    expect(cost.numPrefillTokensWithin(1000)).toBeLessThan(115);
    for (let i = 0; i < 8; i++) cost.learn({ numPrefillTokens: 128, durationMs: 128 });
    expect(cost.numPrefillTokensWithin(1000)).toBeGreaterThan(950);
  });
});
