// What the tests of the attention op against ggml's share: the caches that are compared, and how.

import { expect } from "bun:test";
import type { PositionLogprobs } from "../../src/scheduler/scheduler-output.ts";

/**
 * The type of cache, what ggml's attention is given, the largest difference. Over a q8_0 cache ggml makes
 * q int8 too and is further from f16 than we are; so its f16 is the reference.
 */
export const CACHES = [
  ["f16", "f16", 0.05],
  ["f32", "f32", 0.05],
  ["q8_0", "f16", 0.2],
] as const;

/** Between log-probabilities of the same tokens. */
export function largestGap(a: readonly PositionLogprobs[], b: readonly PositionLogprobs[]): number {
  expect(a.length).toBe(b.length);
  return Math.max(
    ...a.map(({ chosen }, i) => Math.abs(chosen.logprob - (b[i]?.chosen.logprob ?? 99))),
  );
}
