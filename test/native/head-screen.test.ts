// The screened head under sanitizers, each set by itself: see kernels/head-screen-test.cpp for what is checked.

import { beforeAll, expect, test } from "bun:test";
import { AVX2, AVX512, buildSanitized, runSanitized } from "../support/sanitized-program.ts";

let program = "";
beforeAll(async () => {
  program = await buildSanitized({
    name: "head-screen-test",
    sources: {
      "cpu-set": [],
      gemm: [],
      "packed-weights": [],
      "weight-blocks": ["-Wno-unused-function"],
      "head-screen": [],
      "gemm-avx2": AVX2,
      "gemm-avxvnni": [...AVX2, "-mavxvnni"],
      "gemm-avx512vnni": [...AVX512, "-mavx512vnni", "-mfma", "-mf16c"],
    },
  });
}, 600_000);

test.each(["avx2", "avxvnni", ""])(
  "PAGODA_CPU=%p: the largest logit is that of the whole product, ties, extremes and NaN included",
  (cpu) => {
    const { lines, stderr, exitCode } = runSanitized(program, cpu);
    const [line = ""] = lines;
    console.log(`PAGODA_CPU=${cpu}: ${line}`);
    expect(stderr).toBe("");
    if (!line.startsWith("none:")) expect(lines).toEqual([line.replace(/ .*/, " ok")]);
    expect(exitCode).toBe(0);
  },
  120_000,
);
