// BlockResidency: which allocations are sampled, and the values reported when they are evicted. Times
// are in seconds on a manual clock.

import { describe, expect, test } from "bun:test";
import { BlockPool } from "../../src/kvcache/block-pool.ts";
import { BlockResidency } from "../../src/kvcache/block-residency.ts";
import type { BlockEviction } from "../../src/protocol/stats.ts";
import { Prng } from "../support/prng.ts";
import { makeResidency } from "../support/residency.ts";

/** Returns the listed random numbers in turn. */
function sequence(...values: number[]): () => number {
  return () => values.shift() ?? Number.NaN;
}

describe("an evicted block", () => {
  test("that was never hit was idle for its whole lifetime", () => {
    const { residency, at } = makeResidency();
    at(1, () => residency.allocate(3));
    at(4.5, () => residency.evict(3));
    expect(residency.take()).toEqual([{ lifetimeS: 3.5, idleS: 3.5, reuseGapsS: [] }]);
  });

  test("that was hit once was idle since that hit, with no reuse gap", () => {
    const { residency, at } = makeResidency();
    at(1, () => residency.allocate(3));
    at(2, () => residency.touch(3));
    at(4.5, () => residency.evict(3));
    expect(residency.take()).toEqual([{ lifetimeS: 3.5, idleS: 2.5, reuseGapsS: [] }]);
  });

  test("reports the gaps between its last four hits", () => {
    const { residency, at } = makeResidency();
    const hitsS = [1, 2, 4, 8, 16];
    const gaps = hitsS.map((_, i) => {
      at(0, () => residency.allocate(3));
      for (const hitS of hitsS.slice(0, i + 1)) at(hitS, () => residency.touch(3));
      at(32, () => residency.evict(3));
      return residency.take()[0]?.reuseGapsS;
    });
    expect(gaps).toEqual([[], [1], [1, 2], [1, 2, 4], [2, 4, 8]]);
  });

  test("that two requests hit at the same time has a gap of 0", () => {
    const { residency, at } = makeResidency();
    residency.allocate(3);
    at(2, () => residency.touch(3));
    residency.touch(3);
    residency.evict(3);
    expect(residency.take()).toEqual([{ lifetimeS: 2, idleS: 0, reuseGapsS: [0] }]);
  });

  test("starts over when it is reallocated", () => {
    const { residency, at } = makeResidency();
    residency.allocate(3);
    at(1, () => residency.touch(3));
    at(3, () => residency.evict(3));
    residency.allocate(3);
    at(8, () => residency.evict(3));
    expect(residency.take()).toEqual([
      { lifetimeS: 3, idleS: 2, reuseGapsS: [] },
      { lifetimeS: 5, idleS: 5, reuseGapsS: [] },
    ]);
  });
});

describe("sampling", () => {
  test("is decided for each allocation by comparing a random number with the rate", () => {
    const { residency } = makeResidency(0.25, sequence(0, 0.249, 0.25, 0.999));
    for (const blockId of [1, 2, 3, 4]) residency.allocate(blockId);
    residency.evict(1);
    expect(residency.take()).toHaveLength(1);
    for (const blockId of [2, 3, 4]) residency.evict(blockId);
    expect(residency.take()).toHaveLength(1);
  });

  test("can differ between allocations of the same block", () => {
    const { residency, at } = makeResidency(0.5, sequence(0.9, 0.1, 0.9));
    for (const nowS of [0, 1, 4, 9]) {
      at(nowS, () => residency.evict(7));
      if (nowS < 9) residency.allocate(7);
    }
    expect(residency.take()).toEqual([{ lifetimeS: 3, idleS: 3, reuseGapsS: [] }]);
  });

  test("ignores blocks that were not chosen", () => {
    const { residency } = makeResidency(0.5, () => 0.5);
    residency.allocate(1);
    residency.touch(1);
    residency.evict(1);
    expect(residency.take()).toEqual([]);
  });

  test("chooses every block at rate 1, regardless of the random number", () => {
    const { residency } = makeResidency(1, sequence(0, 1 - 2 ** -53));
    for (const blockId of [1, 2]) residency.allocate(blockId);
    for (const blockId of [1, 2]) residency.evict(blockId);
    expect(residency.take()).toHaveLength(2);
  });

  test.each([0, -0.1, 1.5, Number.NaN])("rejects rate %p", (sampleRate) => {
    expect(() => makeResidency(sampleRate)).toThrow(
      `sample_rate must be in (0, 1.0], got ${sampleRate}`,
    );
  });

  test("asserts on allocating a block that has not been evicted", () => {
    const { residency } = makeResidency();
    residency.allocate(3);
    expect(() => residency.allocate(3)).toThrow("block 3 is allocated without an eviction");
  });
});

describe("take and reset", () => {
  test("reports each eviction only once", () => {
    const { residency } = makeResidency();
    expect(residency.take()).toEqual([]);
    residency.allocate(1);
    residency.evict(1);
    expect(residency.take()).toHaveLength(1);
    expect(residency.take()).toEqual([]);
  });

  test("drops all blocks and unreported evictions on a reset", () => {
    const { residency } = makeResidency();
    for (const blockId of [1, 2]) residency.allocate(blockId);
    residency.evict(1);
    residency.reset();
    residency.touch(2);
    residency.evict(2);
    expect(residency.take()).toEqual([]);
    residency.allocate(1);
    residency.evict(1);
    expect(residency.take()).toHaveLength(1);
  });
});

// --- Is a sample of a tenth of the allocations representative? ---

const RATE = 0.1;
const NUM_ALLOCATIONS = 40_000;
const NUM_BLOCKS = 64;

/** Simulates short and long lifetimes in a nearly full pool. Some blocks are hit, some of them often. */
function evictionsAt(sampleRate: number): readonly BlockEviction[] {
  const workload = new Prng(7);
  const chance = new Prng(99);
  let nowS = 0;
  const residency = new BlockResidency({
    sampleRate,
    nowS: () => nowS,
    random: () => chance.next(),
  });
  const pool = new BlockPool(NUM_BLOCKS + 1, residency);
  const used: number[] = [];
  for (let i = 0; i < NUM_ALLOCATIONS; i++) {
    nowS -= Math.log(1 - workload.next());
    if (used.length > 48) pool.free(used.splice(workload.int(0, used.length - 1), 1)[0] ?? 0);
    used.push(pool.allocate() ?? 0);
    const hit = used[workload.int(0, used.length - 1)] ?? 0;
    pool.touch(hit);
    pool.free(hit);
    if (workload.chance(0.5)) pool.free(used.pop() ?? 0);
  }
  return residency.take();
}

/** Kolmogorov-Smirnov distance between two samples, in 0..1. */
function distance(a: readonly number[], b: readonly number[]): number {
  const points = [
    ...a.map((value) => [value, 1 / a.length] as const),
    ...b.map((value) => [value, -1 / b.length] as const),
  ].sort(([x], [y]) => x - y);
  let difference = 0;
  let largest = 0;
  points.forEach(([value, weight], i) => {
    difference += weight;
    if (points[i + 1]?.[0] !== value) largest = Math.max(largest, Math.abs(difference));
  });
  return largest;
}

/** Distance that two samples from the same distribution exceed in 1% of cases. */
function criticalDistance(a: readonly number[], b: readonly number[]): number {
  return 1.628 * Math.sqrt(1 / a.length + 1 / b.length);
}

describe("a sample of one in ten", () => {
  const all = evictionsAt(1);
  const sampled = evictionsAt(RATE);

  test("contains about a tenth of the evictions", () => {
    expect(all.length).toBe(NUM_ALLOCATIONS - NUM_BLOCKS);
    const deviation = Math.sqrt(all.length * RATE * (1 - RATE));
    expect(Math.abs(sampled.length - RATE * all.length)).toBeLessThan(3 * deviation);
  });

  // Uses one value per eviction, because a block's gaps depend on each other.
  test.each([
    ["lifetimes", ({ lifetimeS }: BlockEviction) => [lifetimeS]],
    ["idle times", ({ idleS }: BlockEviction) => [idleS]],
    ["reuse gaps", ({ reuseGapsS }: BlockEviction) => reuseGapsS.slice(0, 1)],
  ])("has the same distribution as all evictions: %s", (_, valuesOf) => {
    const few = sampled.flatMap(valuesOf);
    const many = all.flatMap(valuesOf);
    expect(few.length).toBeGreaterThan(500);
    expect(distance(few, many)).toBeLessThan(criticalDistance(few, many));
  });

  test("would differ in distribution if it lacked the oldest tenth", () => {
    const many = all.map(({ lifetimeS }) => lifetimeS).sort((a, b) => a - b);
    const young = many.filter((_, i) => i % 10 === 0 && i < 0.9 * many.length);
    expect(distance(young, many)).toBeGreaterThan(criticalDistance(young, many));
  });
});
