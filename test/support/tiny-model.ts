// Loads generated models through the native runner or directly through the addon, from temporary folders.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DEFAULT_LOAD_OPTIONS, type NativeModel } from "../../src/runner/addon-types.ts";
import {
  NativeModelRunner,
  type NativeModelRunnerOptions,
} from "../../src/runner/native-model-runner.ts";
import { loadTestModel } from "./native-step.ts";
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

export interface TinyNativeModel {
  readonly model: NativeModel;
  /** Disposes of the model and removes its file. */
  readonly remove: () => Promise<void>;
}

/** Writes a model into its own folder and loads it with loadTestModel(). */
export async function loadTinyNative(gguf: TinyGgufOptions = {}): Promise<TinyNativeModel> {
  const folder = tempFolder();
  const path = join(folder.path, "tiny.gguf");
  writeTinyGguf(path, gguf);
  const model = await loadTestModel(path);
  const remove = async () => {
    await model.dispose();
    folder.remove();
  };
  return { model, remove };
}
