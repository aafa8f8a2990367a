// Loads generated models through the native runner; each test file has its own folder.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DEFAULT_LOAD_OPTIONS } from "../../src/runner/addon-types.ts";
import {
  NativeModelRunner,
  type NativeModelRunnerOptions,
} from "../../src/runner/native-model-runner.ts";
import { type TinyGgufOptions, writeTinyGguf } from "./tiny-gguf.ts";

/** A folder that is removed by `remove()`. */
export function tempFolder() {
  const path = mkdtempSync(join(tmpdir(), "pagoda-test-"));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

export function loadOptions(
  path: string,
  options: Partial<NativeModelRunnerOptions> = {},
): NativeModelRunnerOptions {
  return {
    path,
    ...DEFAULT_LOAD_OPTIONS,
    numBlocks: 64,
    blockSize: 16,
    maxNumSeqs: 8,
    maxNumBatchedTokens: 256,
    maxModelLen: 512,
    numThreads: 2,
    ...options,
  };
}

let numModels = 0;

/** Writes a model into `folder` and loads it. */
export async function loadTiny(
  folder: string,
  gguf: TinyGgufOptions = {},
  options: Partial<NativeModelRunnerOptions> = {},
): Promise<NativeModelRunner> {
  const path = join(folder, `tiny-${numModels++}.gguf`);
  writeTinyGguf(path, gguf);
  return NativeModelRunner.load(loadOptions(path, options));
}
