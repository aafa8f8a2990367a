// Starts a step, then exits in the requested way.

import { NativeModelRunner } from "../../src/runner/native-model-runner.ts";
import { generate, runStep } from "./drive.ts";
import { makeRequest } from "./make-request.ts";
import { loadOptions } from "./tiny-model.ts";

const [path = "", how = ""] = process.argv.slice(2);
const runner = await NativeModelRunner.load(loadOptions(path));
const step = () => runStep(runner, [{ request: makeRequest("a", 200), blocks: blocksFrom(1) }], 16);

function blocksFrom(first: number): number[] {
  return Array.from({ length: 14 }, (_, i) => first + i);
}

/** Generates the output for a fixed prompt, optionally with a garbage collection before each step. */
async function output(collects: boolean): Promise<string> {
  const request = makeRequest("a", 20, { params: { logprobs: 3 } });
  const ids: number[] = [];
  for (let i = 0; i < 30; i++) {
    if (collects) Bun.gc(true);
    const [result] = await generate(runner, [{ request, blocks: blocksFrom(20) }], 16, 1);
    ids.push(...(result?.tokenIds ?? []));
  }
  return ids.join();
}

if (how === "exit") {
  void step();
  process.exit(0);
} else if (how === "throw") {
  void step();
  throw new Error("on purpose");
} else if (how === "collect") {
  console.log((await output(false)) === (await output(true)) ? "same" : "different");
  await runner.dispose();
} else {
  void step();
}
