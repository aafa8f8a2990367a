// The cost of a draft, in units of steps without drafts.

import { expect, test } from "bun:test";
import { DraftCost } from "../../src/scheduler/draft-cost.ts";

function learned(...steps: ([numDecodes: number, numDraftTokens: number, ms: number] | null)[]) {
  const cost = new DraftCost();
  for (const step of steps) {
    const [numDecodes = 0, numDraftTokens = 0, durationMs = 0] = step ?? [];
    cost.learn(step && { numDecodes, numDraftTokens, durationMs });
  }
  return cost;
}

test("the draft cost is unknown until two steps in a row have the same requests and no drafts", () => {
  expect(learned().costOfDraft(1)).toBeNull();
  expect(learned([1, 0, 10]).costOfDraft(1)).toBeNull();
  expect(learned([2, 0, 10], [1, 0, 10]).costOfDraft(1)).toBeNull();
  expect(learned([1, 0, 10], null, [1, 0, 10]).costOfDraft(1)).toBeNull();
});

test("the draft cost is first assumed to be a quarter of a request's share", () => {
  expect(learned([1, 0, 10], [1, 0, 10]).costOfDraft(1)).toBe(0.25);
  expect(learned([4, 0, 10], [4, 0, 10]).costOfDraft(4)).toBe(0.0625);
});

test("the draft cost approaches the time that drafts add", () => {
  const plain: [number, number, number] = [1, 0, 10];
  const drafts = Array.from({ length: 50 }, () => [1, 4, 18] as [number, number, number]);
  expect(learned(plain, plain, ...drafts).costOfDraft(1)).toBeCloseTo(0.2, 2);
});

test("the draft cost includes the time that the next step without drafts loses", () => {
  const plain: [number, number, number] = [1, 0, 10];
  const pairs = Array.from(
    { length: 50 },
    () =>
      [
        [1, 2, 13],
        [1, 0, 11],
      ] as const,
  ).flat();
  const cost = learned(plain, plain, ...pairs.map((step) => [...step] as typeof plain));
  expect(cost.costOfDraft(1)).toBeCloseTo(0.2, 1);
});

test("a draft counts as at most one step, so one interruption has a limited effect", () => {
  const plain: [number, number, number] = [1, 0, 10];
  expect(learned(plain, plain, [1, 1, 5000]).costOfDraft(1)).toBeLessThan(1);
});

test("the draft cost is kept separately for larger batches", () => {
  const cost = learned([1, 0, 10], [1, 0, 10], [16, 0, 40], [16, 0, 40], [16, 16, 80]);
  expect(cost.costOfDraft(1)).toBe(0.25);
  expect(cost.costOfDraft(12)).toBeCloseTo(1 / 16, 2);
  expect(cost.costOfDraft(2)).toBeNull();
});

test("the draft cost is forgotten after many steps without drafts", () => {
  const plain: [number, number, number] = [1, 0, 10];
  const expensive = learned(plain, plain, [1, 1, 20], ...Array.from({ length: 2000 }, () => plain));
  expect(expensive.costOfDraft(1)).toBeCloseTo(0.25, 2);
});
