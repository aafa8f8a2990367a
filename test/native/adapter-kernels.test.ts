// The LoRA adapter kernels under sanitizers, one instruction set at a time; kernels/strips-test.cpp lists the checks.

import { beforeAll, test } from "bun:test";
import { ADAPTER_KERNELS, buildSanitized, expectOk } from "../support/sanitized-program.ts";

let program = "";
beforeAll(async () => {
  program = await buildSanitized({ name: "strips-test", sources: ADAPTER_KERNELS });
}, 600_000);

test.each(["generic", "avx2", ""])(
  "PAGODA_CPU=%p: a row's product is correct and does not depend on other rows",
  (cpu) => expectOk(program, cpu),
  120_000,
);
