// What the tests of the attention op against ggml's share: the caches that are compared, and how.

import { expect } from "bun:test";
import type { PositionLogprobs } from "../../src/request/logprobs.ts";

/**
 * The type of cache, what ggml's attention is given, the largest difference. Over a q8_0 cache ggml makes
 * q int8 too and is further from f16 than we are; so its f16 is the reference.
 */
export const CACHES = [
  ["f16", "f16", 0.05],
  ["bf16", "f16", 0.2],
  ["f32", "f32", 0.05],
  ["q8_0", "f16", 0.2],
] as const;

/** Of kernels that round to bf16: 8 bits, as a q8_0 cache has. */
const BF16_LIMIT = 0.2;

/** Between log-probabilities of the same tokens. */
export function largestGap(a: readonly PositionLogprobs[], b: readonly PositionLogprobs[]): number {
  return Math.max(...gapsOf(a, b));
}

function gapsOf(a: readonly PositionLogprobs[], b: readonly PositionLogprobs[]): number[] {
  expect(a.length).toBe(b.length);
  return a.map(({ chosen }, i) => Math.abs(chosen.logprob - (b[i]?.chosen.logprob ?? 99)));
}

/** What was said, and by which kernels. */
export interface Scored {
  readonly positions: readonly PositionLogprobs[];
  readonly device: string;
}

/**
 * Where rounding to 8 bits sends a token to another expert, that moves it by more than any limit: then the
 * median gap counts, not the largest.
 */
export function expectAgreement(
  ours: Scored,
  theirs: Scored,
  limit: number,
  hasExperts: boolean,
): void {
  const isBf16 = ours.device.includes("bf16");
  const gaps = gapsOf(ours.positions, theirs.positions).sort((a, b) => a - b);
  const gap = gaps.at(isBf16 && hasExperts ? gaps.length >> 1 : -1);
  expect(gap).toBeLessThan(isBf16 ? Math.max(limit, BF16_LIMIT) : limit);
}
