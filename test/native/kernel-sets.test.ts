// All attention kernel sets agree with each other and with ggml's attention. PAGODA_CPU forces
// a lower set, so that one machine can test all sets. The set is chosen once per process, hence the
// child processes.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import type { AttentionBackend } from "../../src/protocol/model-info.ts";
import { writeTinyGguf } from "../support/tiny-gguf.ts";
import { tempFolder } from "../support/tiny-model.ts";

const folder = tempFolder();
beforeAll(() => writeTinyGguf(join(folder.path, "tiny.gguf")));
afterAll(folder.remove);

interface Result {
  readonly device: string;
  readonly logprobs: number[];
}

function printedBy(program: string, cpu: string, ...options: string[]): unknown {
  const path = join(import.meta.dir, "..", "support", program);
  const command = [process.execPath, path, join(folder.path, "tiny.gguf"), ...options];
  const child = Bun.spawnSync(command, { env: { ...process.env, PAGODA_CPU: cpu } });
  expect(child.exitCode).toBe(0);
  return JSON.parse(child.stdout.toString());
}

const resultOf = (cpu: string, attention: AttentionBackend = "paged") =>
  printedBy("score-in-child.ts", cpu, attention) as Result;

const largestGap = (a: Result, b: Result) =>
  Math.max(...a.logprobs.map((value, i) => Math.abs(value - (b.logprobs[i] ?? 99))));

test("avx512, avx2 and generic kernels agree with each other and with ggml's attention", () => {
  const best = resultOf("avx512");
  expect(best.device).not.toContain("bf16");
  for (const cpu of ["avx2", "generic"]) {
    const result = resultOf(cpu);
    if (cpu === "generic") expect(result.device).toContain("generic attention");
    expect(largestGap(result, best)).toBeLessThan(2e-3);
  }
  expect(largestGap(resultOf("avx512", "ggml"), best)).toBeLessThan(0.05);
});

test("bf16 kernels agree with the others within 8 bits of precision", () => {
  const result = resultOf("");
  if (!result.device.includes("bf16")) {
    console.log("skipped: bf16 kernels, since this CPU has no AVX512-BF16");
    return;
  }
  const gap = largestGap(result, resultOf("avx512"));
  expect(gap).toBeGreaterThan(0);
  expect(gap).toBeLessThan(0.1);
});

test("the automatic cache type is bf16 if the kernels multiply it, otherwise f16", () => {
  const decided = (cpu: string, ...options: string[]) =>
    printedBy("engine-in-child.ts", cpu, "--kv-cache-memory-bytes=4M", ...options) as {
      readonly kvCacheType: string;
      readonly device: string;
    };
  const own = decided("", "--attention-backend=paged");
  expect(own.kvCacheType).toBe(own.device.includes("bf16") ? "bf16" : "f16");
  expect(decided("avx512", "--attention-backend=paged").kvCacheType).toBe("f16");
  expect(decided("", "--attention-backend=ggml").kvCacheType).toBe("f16");
  expect(decided("", "--kv-cache-dtype=q8_0").kvCacheType).toBe("q8_0");
});
