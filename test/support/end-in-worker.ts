// Terminates workers that use their own models, and checks that this thread's model keeps working.

import { NativeModelRunner } from "../../src/runner/native-model-runner.ts";
import { generate, runStep } from "./drive.ts";
import { makeRequest } from "./make-request.ts";
import { loadOptions } from "./tiny-model.ts";

const BLOCKS = Array.from({ length: 14 }, (_, i) => i + 1);
const NUM_WORKERS = 12;

async function output(runner: NativeModelRunner): Promise<string> {
  const request = makeRequest("a", 20);
  const results = await generate(runner, [{ request, blocks: BLOCKS }], 16, 8);
  return results.flatMap(({ tokenIds }) => tokenIds).join();
}

/** Runs steps and thread-pool calls forever. */
async function work(path: string): Promise<never> {
  const runner = await NativeModelRunner.load(loadOptions(path));
  postMessage("works");
  for (;;) {
    const tokenized = runner.tokenizer.encode("x".repeat(5000), false, false);
    await runStep(runner, [{ request: makeRequest("a", 200), blocks: BLOCKS }], 16);
    await tokenized;
  }
}

async function endWorkers(path: string): Promise<void> {
  const runner = await NativeModelRunner.load(loadOptions(path));
  const before = await output(runner);
  for (let i = 0; i < NUM_WORKERS; i++) {
    const worker = new Worker(import.meta.url, { argv: [path] });
    await new Promise((resolve) => worker.addEventListener("message", resolve));
    await Bun.sleep((5 * i) % 20); // terminates each worker at a different moment
    worker.terminate();
  }
  console.log((await output(runner)) === before ? "same" : "different");
  await runner.dispose();
}

const path = process.argv[2] ?? "";
if (Bun.isMainThread) await endWorkers(path);
else await work(path);
