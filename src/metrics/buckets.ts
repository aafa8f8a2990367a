// Upper bounds of vLLM's histograms, in seconds except for tokens and counts.

import type { BucketRule } from "./family.ts";

export const TTFT_BUCKETS = [
  0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80,
  160, 640, 2560,
];
export const TOKEN_LATENCY_BUCKETS = [
  0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80,
];
export const REQUEST_LATENCY_BUCKETS = [
  0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960, 1920, 7680,
];
export const ITERATION_BUCKETS = [1, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384];
export const RESIDENCY_BUCKETS = [
  0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600,
  1200, 1800,
];
export const SLEEP_BUCKETS = [0.01, 0.1, 1, 10, 30, 60, 120, 300, 600];
/** Buckets of vLLM's HTTP instrumentation, for the histogram without labels. */
export const HTTP_FINE_BUCKETS = [
  0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5, 7.5, 10, 30,
  60,
];
/** Buckets of the HTTP histogram by handler. */
export const HTTP_COARSE_BUCKETS = [0.1, 0.5, 1];

/** @returns upper bounds, ascending, without infinity */
export function bucketBounds(rule: BucketRule | undefined, maxModelLen: number): readonly number[] {
  return rule === "tokens" ? tokenBuckets(maxModelLen) : (rule ?? []);
}

/** @returns 1, 2, 5, 10, 20, 50, ... up to `maxModelLen` */
export function tokenBuckets(maxModelLen: number): number[] {
  const buckets: number[] = [];
  for (let decade = 1; ; decade *= 10) {
    for (const step of [1, 2, 5]) {
      if (step * decade > maxModelLen) return buckets;
      buckets.push(step * decade);
    }
  }
}
