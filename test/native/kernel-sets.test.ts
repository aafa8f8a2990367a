// Every set of attention kernels gives the same answers; PAGODA_CPU forces a lower one, so that all are
// tested on the best machine. The choice is made once a process, hence the children.

import { afterAll, expect, test } from "bun:test";
import { join } from "node:path";
import { writeTinyGguf } from "../support/tiny-gguf.ts";
import { tempFolder } from "../support/tiny-model.ts";

const folder = tempFolder();
afterAll(folder.remove);

interface Answer {
  readonly device: string;
  readonly logprobs: number[];
}

function answerOf(cpu: string): Answer {
  const program = join(import.meta.dir, "..", "support", "score-in-child.ts");
  const child = Bun.spawnSync([process.execPath, program, join(folder.path, "tiny.gguf")], {
    env: { ...process.env, PAGODA_CPU: cpu },
  });
  expect(child.exitCode).toBe(0);
  return JSON.parse(child.stdout.toString()) as Answer;
}

test("avx512, avx2 and generic kernels agree", () => {
  writeTinyGguf(join(folder.path, "tiny.gguf"));
  const best = answerOf("");
  for (const cpu of ["avx2", "generic"]) {
    const answer = answerOf(cpu);
    if (cpu === "generic") expect(answer.device).toContain("generic attention");
    const gaps = answer.logprobs.map((value, i) => Math.abs(value - (best.logprobs[i] ?? 99)));
    expect(Math.max(...gaps)).toBeLessThan(2e-3);
  }
});
