// Shared code for tests that compare Pagoda's attention op with ggml's: cache types, limits, and checks.

import { expect } from "bun:test";
import type { PositionLogprobs } from "../../src/request/logprobs.ts";

/**
 * Cache type, cache type for ggml's attention, and maximum difference. With a q8_0 cache, ggml also
 * quantizes q to int8 and deviates further from f16 than Pagoda, so ggml's f16 result is the reference.
 */
export const CACHES = [
  ["f16", "f16", 0.05],
  ["bf16", "f16", 0.2],
  ["f32", "f32", 0.05],
  ["q8_0", "f16", 0.2],
] as const;

/** Limit for kernels that round to bf16, which has 8 bits like a q8_0 cache. */
const BF16_LIMIT = 0.2;

/** Returns the largest difference between logprobs of the same tokens. */
export function largestGap(a: readonly PositionLogprobs[], b: readonly PositionLogprobs[]): number {
  return Math.max(...gapsOf(a, b));
}

function gapsOf(a: readonly PositionLogprobs[], b: readonly PositionLogprobs[]): number[] {
  expect(a.length).toBe(b.length);
  return a.map(({ chosen }, i) => Math.abs(chosen.logprob - (b[i]?.chosen.logprob ?? 99)));
}

/** Logprobs, and the device and kernels that computed them. */
export interface Scored {
  readonly positions: readonly PositionLogprobs[];
  readonly device: string;
}

/**
 * Compares logprobs. Rounding to 8 bits can route a token to another expert, which changes its logprob by
 * more than any limit, so for models with experts, the limit applies to the median instead of the largest difference.
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
