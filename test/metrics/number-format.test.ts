// Number format of the exposition; expected strings are from Python's metrics client.

import { describe, expect, test } from "bun:test";
import { formatNumber } from "../../src/metrics/number-format.ts";

describe("formatNumber", () => {
  test.each([
    [0, "0.0"],
    [-0, "-0.0"],
    [5, "5.0"],
    [0.5, "0.5"],
    [0.0001, "0.0001"],
    [8.34e-5, "8.34e-05"],
    [1e-5, "1e-05"],
    [1e-10, "1e-10"],
    [5e-324, "5e-324"],
    [123_456.789, "123456.789"],
    [999_999, "999999.0"],
    [1e6, "1e+06"],
    [1_200_300, "1.2003e+06"],
    [2_097_152, "2.097152e+06"],
    [1_795_531_288.8, "1.7955312888e+09"],
    [1e10, "1e+10"],
    [123_456_789_012.5, "1.234567890125e+11"],
    [1e15, "1e+15"],
    [9_999_999_999_999_998, "9.999999999999998e+15"],
    [1e16, "1e+16"],
    [1.5e300, "1.5e+300"],
    [-2_000_000, "-2000000.0"],
    [-1e-5, "-1e-05"],
    [-1e16, "-1e+16"],
    [Number.POSITIVE_INFINITY, "+Inf"],
    [Number.NEGATIVE_INFINITY, "-Inf"],
    [Number.NaN, "NaN"],
  ])("%p prints %p", (number, text) => {
    expect(formatNumber(number)).toBe(text);
  });
});
