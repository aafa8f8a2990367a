// Statistics compared with numpy's results for the same values.

import { describe, expect, test } from "bun:test";
import {
  mean,
  medianOf,
  percentile,
  quartiles,
  standardDeviation,
} from "../../src/benchmark/statistics.ts";

describe("percentile", () => {
  test("interpolates between two values, like numpy.percentile", () => {
    expect(percentile([1, 2, 3, 4], 25)).toBe(1.75);
    expect(percentile([4, 1, 3, 2], 50)).toBe(2.5);
    expect(percentile([10, 20], 99)).toBeCloseTo(19.9, 12);
    expect(percentile([15, 20, 35, 40, 50], 40)).toBeCloseTo(29, 12);
  });

  test("returns the minimum and maximum at 0 and 100", () => {
    expect(percentile([3, 1, 2], 0)).toBe(1);
    expect(percentile([3, 1, 2], 100)).toBe(3);
    expect(percentile([7], 99)).toBe(7);
  });

  test("is 0 if there are no values, as in vLLM's results", () => {
    expect(percentile([], 50)).toBe(0);
  });

  test("does not sort the caller's array", () => {
    const values = [3, 1, 2];
    medianOf(values);
    expect(values).toEqual([3, 1, 2]);
  });
});

describe("mean, deviation, quartiles", () => {
  test("use the population standard deviation, like numpy.std", () => {
    expect(mean([2, 4, 4, 4, 5, 5, 7, 9])).toBe(5);
    expect(standardDeviation([2, 4, 4, 4, 5, 5, 7, 9])).toBe(2);
    expect([mean([]), standardDeviation([])]).toEqual([0, 0]);
  });

  test("interpolate quartiles", () => {
    expect(quartiles([1, 2, 3, 4, 5])).toEqual({ q1: 2, median: 3, q3: 4 });
  });
});
