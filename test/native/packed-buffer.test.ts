// Products of ggml graphs over packed weights under sanitizers: see kernels/packed-buffer-test.cpp.

import { beforeAll, test } from "bun:test";
import {
  AVX2,
  AVX512,
  buildSanitized,
  expectOk,
  GEMM_SOURCES,
} from "../support/sanitized-program.ts";

let program = "";
beforeAll(async () => {
  program = await buildSanitized({
    name: "packed-buffer-test",
    sources: {
      ...GEMM_SOURCES,
      "matmul/packed-buffer": ["-Wno-unused-function"],
      "matmul/product": ["-Wno-unused-function"],
      "matmul/screen": [],
      "matmul/activation-store": [],
      "head/head": [],
      "sampling/row-scan": [],
      "sampling/row-kernel-generic": ["-ffp-contract=off"],
      "sampling/row-kernel-avx2": ["-ffp-contract=off", ...AVX2],
      "sampling/row-kernel-avx512": ["-ffp-contract=off", ...AVX512],
    },
    libraries: ["ggml", "ggml-cpu"],
  });
}, 600_000);

test.each(["avx2", ""])(
  "PAGODA_CPU=%p: a product is the same with a store, with one that is too small, and without; a screened head has the same argmax",
  (cpu) => expectOk(program, cpu),
  120_000,
);
