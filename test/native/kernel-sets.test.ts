// Every set of attention kernels gives the same answers, and those of ggml's attention; PAGODA_CPU forces a
// lower one, so that all are tested on the best machine. The choice is made once a process, hence the children.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import type { AttentionBackend } from "../../src/runner/addon-types.ts";
import { writeTinyGguf } from "../support/tiny-gguf.ts";
import { tempFolder } from "../support/tiny-model.ts";

const folder = tempFolder();
beforeAll(() => writeTinyGguf(join(folder.path, "tiny.gguf")));
afterAll(folder.remove);

interface Answer {
  readonly device: string;
  readonly logprobs: number[];
}

function answerOf(cpu: string, attention: AttentionBackend = "paged"): Answer {
  const program = join(import.meta.dir, "..", "support", "score-in-child.ts");
  const command = [process.execPath, program, join(folder.path, "tiny.gguf"), attention];
  const child = Bun.spawnSync(command, { env: { ...process.env, PAGODA_CPU: cpu } });
  expect(child.exitCode).toBe(0);
  return JSON.parse(child.stdout.toString()) as Answer;
}

const largestGap = (a: Answer, b: Answer) =>
  Math.max(...a.logprobs.map((value, i) => Math.abs(value - (b.logprobs[i] ?? 99))));

test("avx512, avx2 and generic kernels agree, and with ggml's attention", () => {
  const best = answerOf("avx512");
  expect(best.device).not.toContain("bf16");
  for (const cpu of ["avx2", "generic"]) {
    const answer = answerOf(cpu);
    if (cpu === "generic") expect(answer.device).toContain("generic attention");
    expect(largestGap(answer, best)).toBeLessThan(2e-3);
  }
  expect(largestGap(answerOf("avx512", "ggml"), best)).toBeLessThan(0.05);
});

test("bf16 kernels agree with the others as far as 8 bits can", () => {
  const answer = answerOf("");
  if (!answer.device.includes("bf16")) {
    console.log("skipped: bf16 kernels, since this CPU has no AVX512-BF16");
    return;
  }
  const gap = largestGap(answer, answerOf("avx512"));
  expect(gap).toBeGreaterThan(0);
  expect(gap).toBeLessThan(0.1);
});
