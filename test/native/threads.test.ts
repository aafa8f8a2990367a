// CPU affinity of the compute threads, as reported by the system.

import { afterAll, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { allowedCpus } from "../../src/runtime/cpus.ts";
import { runStep } from "../support/drive.ts";
import { makeRequest } from "../support/make-request.ts";
import { loadTiny, tempFolder } from "../support/tiny-model.ts";

const folder = tempFolder();
afterAll(folder.remove);

const cpus = allowedCpus() ?? [];
const [first = 0] = cpus;

/** Threads of this process that can run only on the first CPU. */
function numBound(): number {
  const lists = readdirSync("/proc/self/task").map((id) =>
    allowedCpus(() => readFileSync(`/proc/self/task/${id}/status`, "utf8")),
  );
  return lists.filter((list) => list?.length === 1 && list[0] === first).length;
}

test.if(cpus.length > 1)("only the compute threads are bound", async () => {
  const before = numBound();
  const options = { numThreads: 2, cpuAffinity: Int32Array.of(first), poll: 0 };
  const runner = await loadTiny(folder.path, {}, options);
  await runStep(runner, [{ request: makeRequest("a", 4), blocks: [1] }], 16);
  expect(numBound() - before).toBe(2);
  await runner.dispose();
  expect(numBound()).toBe(before);
});

test("no threads are bound if no affinity is set", async () => {
  const before = cpus.length > 0 ? numBound() : 0;
  const runner = await loadTiny(folder.path);
  await runStep(runner, [{ request: makeRequest("a", 4), blocks: [1] }], 16);
  expect(cpus.length > 0 ? numBound() : 0).toBe(before);
  await runner.dispose();
});
