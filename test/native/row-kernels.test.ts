// The loops over logits under sanitizers, one instruction set at a time; kernels/rows-test.cpp lists the checks.

import { beforeAll, expect, test } from "bun:test";
import { buildSanitized, ROW_SOURCES, runSanitized } from "../support/sanitized-program.ts";

const GROUPS = ["lengths", "ties", "extremes", "splits", "rescans"];

let program = "";
beforeAll(async () => {
  program = await buildSanitized({
    name: "rows-test",
    sources: { ...ROW_SOURCES, "sampling/cut-search": [], "sampling/candidates": [] },
  });
}, 600_000);

test("every instruction set yields correct and bitwise identical results", () => {
  const checksums = ["generic", "avx2", ""].map((cpu) => {
    const { lines, stderr, exitCode } = runSanitized(program, cpu);
    const [name, ...groups] = lines;
    console.log(`PAGODA_CPU=${cpu} selects ${name}`);
    expect(stderr).toBe("");
    expect(groups.slice(0, -1)).toEqual(GROUPS.map((group) => `${group} ok`));
    expect(exitCode).toBe(0);
    return groups.at(-1);
  });
  expect(new Set(checksums).size).toBe(1);
}, 120_000);
