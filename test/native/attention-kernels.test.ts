// The attention op under sanitizers, one instruction set at a time; kernels/attention-test.cpp lists the checks.

import { beforeAll, expect, test } from "bun:test";
import { ATTENTION_SOURCES, buildSanitized, runSanitized } from "../support/sanitized-program.ts";

const GROUPS = [
  "remainders",
  "partitions",
  "shared prefixes",
  "windows, caps, sinks",
  "extremes",
  "chunks",
];
const TYPES = ["f16", "bf16", "f32", "q8_0"];

let program = "";
beforeAll(async () => {
  program = await buildSanitized({
    name: "attention-test",
    sources: ATTENTION_SOURCES,
  });
}, 600_000);

test.each(["generic", "avx2", "avx512", ""])(
  "PAGODA_CPU=%p: attention is correct for every shape and cache type, single and batched",
  (cpu) => {
    const { lines, stderr, exitCode } = runSanitized(program, cpu);
    const [name, ...groups] = lines;
    console.log(`PAGODA_CPU=${cpu} selects ${name}`);
    if (cpu === "" && name !== "avx512bf16") {
      console.log("skipped: chunks in bf16, since this CPU has no AVX512-BF16");
    }
    expect(stderr).toBe("");
    expect(groups).toEqual([
      ...TYPES.flatMap((type) => GROUPS.map((group) => `${group} ${type} ok`)),
      "broken plans ok",
    ]);
    expect(exitCode).toBe(0);
  },
  120_000,
);
