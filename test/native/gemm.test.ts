// The matrix kernels under sanitizers, one instruction set at a time; kernels/gemm-test.cpp lists the checks.

import { beforeAll, expect, test } from "bun:test";
import { buildSanitized, GEMM_SOURCES, runSanitized } from "../support/sanitized-program.ts";

const TYPES = ["q4_0", "q4_1", "q5_0", "q5_1", "q8_0", "q4_K", "q5_K", "q6_K"];

let program = "";
beforeAll(async () => {
  program = await buildSanitized({ name: "gemm-test", sources: GEMM_SOURCES });
}, 600_000);

test.each(["avx2", "avxvnni", ""])(
  "PAGODA_CPU=%p: products, batches, extremes and NaN are correct for every type",
  (cpu) => {
    const { lines, stderr, exitCode } = runSanitized(program, cpu);
    const [name = ""] = (lines[0] ?? "").split(" ");
    console.log(`PAGODA_CPU=${cpu} selects ${name}`);
    expect(stderr).toBe("");
    if (name !== "none:") expect(lines).toEqual(TYPES.map((type) => `${name} ${type} ok`));
    expect(exitCode).toBe(0);
  },
  120_000,
);

test("PAGODA_CPU=generic leaves weights to ggml", () => {
  expect(runSanitized(program, "generic").lines[0]).toStartWith("none");
});
