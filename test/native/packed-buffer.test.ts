// Products of ggml graphs over packed weights under sanitizers: see kernels/packed-buffer-test.cpp.

import { beforeAll, expect, test } from "bun:test";
import { AVX2, AVX512, buildSanitized, runSanitized } from "../support/sanitized-program.ts";

let program = "";
beforeAll(async () => {
  program = await buildSanitized({
    name: "packed-buffer-test",
    sources: {
      "cpu-set": [],
      gemm: [],
      "packed-weights": [],
      "weight-blocks": ["-Wno-unused-function"],
      "packed-buffer": ["-Wno-unused-function"],
      "packed-product": ["-Wno-unused-function"],
      "head-screen": [],
      "activation-store": [],
      "head-scan": [],
      "row-scan": [],
      "row-kernel-generic": ["-ffp-contract=off"],
      "row-kernel-avx2": ["-ffp-contract=off", ...AVX2],
      "row-kernel-avx512": ["-ffp-contract=off", ...AVX512],
      "gemm-avx2": AVX2,
      "gemm-avxvnni": [...AVX2, "-mavxvnni"],
      "gemm-avx512vnni": [...AVX512, "-mavx512vnni", "-mfma", "-mf16c"],
    },
    libraries: ["ggml", "ggml-cpu"],
  });
}, 600_000);

test.each(["avx2", ""])(
  "PAGODA_CPU=%p: a product is the same with a store, with one that is too small, and without; a screened head has the same argmax",
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
