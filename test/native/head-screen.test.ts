// The screened head under sanitizers, each set by itself: see kernels/head-screen-test.cpp for what is checked.

import { beforeAll, test } from "bun:test";
import { buildSanitized, expectOk, GEMM_SOURCES } from "../support/sanitized-program.ts";

let program = "";
beforeAll(async () => {
  program = await buildSanitized({
    name: "head-screen-test",
    sources: { ...GEMM_SOURCES, "matmul/screen": [] },
  });
}, 600_000);

test.each(["avx2", "avxvnni", ""])(
  "PAGODA_CPU=%p: the largest logit is that of the whole product, ties, extremes and NaN included",
  (cpu) => expectOk(program, cpu),
  120_000,
);
