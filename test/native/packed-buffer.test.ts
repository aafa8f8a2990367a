// Products of ggml graphs with packed weights under sanitizers; see kernels/packed-buffer-test.cpp.

import { beforeAll, test } from "bun:test";
import {
  buildSanitized,
  expectOk,
  GEMM_SOURCES,
  PRODUCT_SOURCES,
  ROW_SOURCES,
} from "../support/sanitized-program.ts";

let program = "";
beforeAll(async () => {
  program = await buildSanitized({
    name: "packed-buffer-test",
    sources: {
      ...GEMM_SOURCES,
      ...PRODUCT_SOURCES,
      ...ROW_SOURCES,
    },
    libraries: ["ggml", "ggml-cpu"],
  });
}, 600_000);

test.each(["avx2", ""])(
  "PAGODA_CPU=%p: a product does not depend on its buffer, and a screened head has the same argmax",
  (cpu) => expectOk(program, cpu),
  120_000,
);
