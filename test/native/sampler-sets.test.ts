// A token depends only on its logits, its parameters and its seed, not on the instruction set or the number
// of threads. Both are fixed once per process, hence the child processes.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { logitRows } from "../support/logit-rows.ts";
import { writeLogitsModel } from "../support/logits-model.ts";
import { tempFolder } from "../support/tiny-model.ts";

const folder = tempFolder();
const path = join(folder.path, "logits.gguf");
let best: unknown;

function resultsOf(cpu: string, numThreads: number): unknown {
  const program = join(import.meta.dir, "..", "support", "sample-in-child.ts");
  const child = Bun.spawnSync([process.execPath, program, path, `${numThreads}`], {
    env: { ...process.env, PAGODA_CPU: cpu },
  });
  expect(child.exitCode).toBe(0);
  return JSON.parse(child.stdout.toString());
}

beforeAll(() => {
  writeLogitsModel(path, logitRows(20_000));
  best = resultsOf("", 1);
});
afterAll(folder.remove);

for (const cpu of ["avx2", "generic"]) {
  test(`the ${cpu} loops yield bitwise the same results as the best set's loops`, () => {
    expect(resultsOf(cpu, 1)).toEqual(best);
  });
}

test("several threads yield bitwise the same results as one", () => {
  for (const numThreads of [2, 3]) expect(resultsOf("", numThreads)).toEqual(best);
});
