// A token depends on its logits, its parameters and its seed alone: not on the instruction set, nor on
// the number of threads. Both are fixed once a process, hence the children.

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
  test(`the ${cpu} loops give the same bits as the best`, () => {
    expect(resultsOf(cpu, 1)).toEqual(best);
  });
}

test("threads give the same bits as one", () => {
  for (const numThreads of [2, 3]) expect(resultsOf("", numThreads)).toEqual(best);
});
