// The loops over logits under sanitizers, each set by itself: see kernels/rows-test.cpp for what is checked.

import { beforeAll, expect, test } from "bun:test";
import { AVX2, AVX512, buildSanitized, runSanitized } from "../support/sanitized-program.ts";

const EXACT = ["-ffp-contract=off", "-Wno-uninitialized"];
const GROUPS = ["lengths", "ties", "extremes", "splits", "rescans"];

let program = "";
beforeAll(async () => {
  program = await buildSanitized({
    name: "rows-test",
    sources: {
      "simd/cpu-set": [],
      "sampling/row-scan": [],
      "sampling/cut-search": [],
      "sampling/candidates": [],
      "sampling/row-kernel-generic": EXACT,
      "sampling/row-kernel-avx2": [...EXACT, ...AVX2],
      "sampling/row-kernel-avx512": [...EXACT, ...AVX512],
    },
  });
}, 600_000);

test("every set gives right results, and the same bits", () => {
  const checksums = ["generic", "avx2", ""].map((cpu) => {
    const { lines, stderr, exitCode } = runSanitized(program, cpu);
    const [name, ...groups] = lines;
    console.log(`PAGODA_CPU=${cpu} chooses ${name}`);
    expect(stderr).toBe("");
    expect(groups.slice(0, -1)).toEqual(GROUPS.map((group) => `${group} ok`));
    expect(exitCode).toBe(0);
    return groups.at(-1);
  });
  expect(new Set(checksums).size).toBe(1);
}, 120_000);
