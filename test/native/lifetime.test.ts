// Disposing of a model in any order, and exiting with a step in flight.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { runStep } from "../support/drive.ts";
import { makeRequest } from "../support/make-request.ts";
import { writeTinyGguf } from "../support/tiny-gguf.ts";
import { loadTiny, tempFolder } from "../support/tiny-model.ts";

const folder = tempFolder();
const path = join(folder.path, "tiny.gguf");
beforeAll(() => void writeTinyGguf(path));
afterAll(folder.remove);

describe("dispose", () => {
  test("waits for the step in flight, refuses later calls, and has no further effect when repeated", async () => {
    const runner = await loadTiny(folder.path);
    const running = runStep(runner, [{ request: makeRequest("a", 30), blocks: [1, 2] }], 16);
    const first = runner.dispose();
    const second = runner.dispose();
    await running;
    await Promise.all([first, second]);
    await runner.dispose();
    const late = runStep(runner, [{ request: makeRequest("b", 3), blocks: [1] }], 16);
    await expect(late).rejects.toThrow("disposed");
    expect(() => runner.memory()).toThrow("disposed");
  });
});

describe("a process exits cleanly", () => {
  test.each(["exit", "return", "throw"])("by %s with a step in flight", (how) => {
    const program = join(import.meta.dir, "..", "support", "end-in-child.ts");
    const child = Bun.spawnSync([process.execPath, program, path, how]);
    expect(child.signalCode).toBeUndefined();
    expect(child.exitCode).toBe(how === "throw" ? 1 : 0);
  });

  test("when workers are terminated with steps in flight, while other threads continue", () => {
    const program = join(import.meta.dir, "..", "support", "end-in-worker.ts");
    const child = Bun.spawnSync([process.execPath, program, path]);
    expect([child.exitCode, child.stdout.toString().trim()]).toEqual([0, "same"]);
  });

  test("under memory pressure and garbage collection", () => {
    const program = join(import.meta.dir, "..", "support", "end-in-child.ts");
    const child = Bun.spawnSync([process.execPath, program, path, "collect"]);
    expect([child.exitCode, child.stdout.toString().trim()]).toEqual([0, "same"]);
  });
});
