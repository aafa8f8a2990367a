// The screened head under sanitizers, one instruction set at a time; kernels/head-screen-test.cpp lists the checks.

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
  "PAGODA_CPU=%p: the largest logit matches the full product's, including ties, extremes and NaN",
  (cpu) => expectOk(program, cpu),
  120_000,
);
