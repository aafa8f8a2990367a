// Order of slices, discarded pairs, and the limit on attempts.

import { describe, expect, test } from "bun:test";
import {
  type Disturbance,
  disturbanceBetween,
  isDisturbed,
} from "../../bench/compare/disturbance.ts";
import { inQuads } from "../../bench/compare/pairs.ts";
import { machineCpu } from "../../bench/servers/proc.ts";

const quiet: Disturbance = { others: 0.01, steal: 0, client: 0.02 };
const busy: Disturbance = { ...quiet, others: 0.06 };

/** Runs a comparison with the given figures per slice; the defaults are 40 for A and 10 for B. */
function compare(
  figures: Readonly<Record<number, number>>,
  options: { numPairs?: number; better?: "higher" | "lower"; busy?: readonly number[] } = {},
) {
  const order: string[] = [];
  const comparison = inQuads<null>({
    numPairs: options.numPairs ?? 2,
    better: options.better ?? "higher",
    observe: async (side, slice) => {
      order.push(side);
      const disturbance = options.busy?.includes(slice) === true ? busy : quiet;
      return { figure: figures[slice] ?? (side === "a" ? 40 : 10), slice: null, disturbance };
    },
  });
  return comparison.then((result) => ({ ...result, order: order.join("") }));
}

describe("inQuads", () => {
  test("loads the servers in the order A B B A", async () => {
    expect((await compare({}, { numPairs: 4 })).order).toBe("abbaabba");
  });

  test("divides A by B if higher is better, and B by A if lower is better", async () => {
    expect((await compare({ 0: 40, 1: 10, 2: 20, 3: 40 })).ratio.median).toBe(3);
    const lower = await compare({ 0: 10, 1: 40, 2: 20, 3: 10 }, { better: "lower" });
    expect(lower.ratio).toEqual({ q1: 2.5, median: 3, q3: 3.5 });
  });

  test("repeats a pair during which other processes used the CPUs", async () => {
    const result = await compare({ 1: 1 }, { busy: [1] });
    expect(result.pairs.map(({ discarded }) => discarded)).toEqual([
      "other processes used the CPUs",
      null,
      null,
      null,
    ]);
    expect([result.numCounted, result.gaveUp, result.ratio.q3]).toEqual([3, false, 4]);
  });

  test("discards both pairs if two A slices differ by more than a tenth", async () => {
    const result = await compare({ 0: 40, 3: 45 });
    expect(result.pairs.map(({ discarded }) => discarded)).toEqual([
      "the A slices differ",
      "the A slices differ",
      null,
      null,
    ]);
    expect((await compare({ 0: 40, 3: 44 })).pairs).toHaveLength(2);
  });

  test("gives up after three times the planned number of pairs", async () => {
    const always = Array.from({ length: 100 }, (_, i) => i);
    const result = await compare({}, { numPairs: 4, busy: always });
    expect([result.pairs.length, result.numCounted, result.gaveUp]).toEqual([12, 0, true]);
    expect(result.ratio.median).toBe(4);
  });
});

describe("disturbance", () => {
  const reading = { busyS: 100, stealS: 0, clientS: 5, ownS: 50, capacityS: 1000 };

  test("equals the machine's CPU time minus the CPU time of the measured processes", () => {
    const after = { busyS: 110, stealS: 0.2, clientS: 6, ownS: 58, capacityS: 1020 };
    const disturbance = disturbanceBetween(reading, after);
    expect(disturbance.others).toBeCloseTo(0.1, 12);
    expect(disturbance.steal).toBeCloseTo(0.01, 12);
    expect(disturbance.client).toBeCloseTo(0.05, 12);
  });

  test("is accepted up to 5% for other processes and 1% steal", () => {
    expect(isDisturbed({ others: 0.05, steal: 0.01, client: 0.9 })).toBe(false);
    expect(isDisturbed({ others: 0.051, steal: 0, client: 0 })).toBe(true);
    expect(isDisturbed({ others: 0, steal: 0.011, client: 0 })).toBe(true);
    expect(isDisturbed({ others: null, steal: null, client: 0 })).toBe(false);
  });

  test("is read from /proc/stat without idle time", () => {
    const stat = "cpu  100 10 50 9999 77 5 15 20 0 0\ncpu0 1 2 3\n";
    expect(machineCpu(stat)).toEqual({ busyS: 1.8, stealS: 0.2 });
    expect(machineCpu(null)).toBeNull();
  });
});
