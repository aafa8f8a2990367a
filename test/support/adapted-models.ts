// Tiny models with LoRA adapters in their slots, and the logits for a prompt with one of them.

import { join } from "node:path";
import type { LoadModelOptions, NativeModel } from "../../src/runner/addon-types.ts";
import { logitsOf } from "./logit-steps.ts";
import { loadTestModel } from "./native-step.ts";
import { Prng } from "./prng.ts";
import { type TinyAdapterOptions, writeMergedGguf, writeTinyAdapter } from "./tiny-adapter.ts";
import { type TinyGgufOptions, writeTinyGguf } from "./tiny-gguf.ts";
import { tempFolder } from "./tiny-model.ts";

const MAX_ADAPTERS = 4;
const prng = new Prng(11);

export const tokensOf = (length: number) => Array.from({ length }, () => prng.int(3, 250));
export const PROMPT = tokensOf(40);
export const PROMPT_BLOCKS = [3, 1, 2];

/** Attention without Pagoda's kernels, which round K and V to bf16 on some CPUs. */
export const EXACT = { attentionBackend: "ggml" } as const;

/** A folder with generated files. */
export class AdapterFiles {
  readonly #folder = tempFolder();
  #numFiles = 0;

  model(gguf: TinyGgufOptions): string {
    const path = this.#newPath();
    writeTinyGguf(path, gguf);
    return path;
  }

  adapter(gguf: TinyGgufOptions, options: TinyAdapterOptions): string {
    const path = this.#newPath();
    writeTinyAdapter(path, gguf, options);
    return path;
  }

  merged(gguf: TinyGgufOptions, options: TinyAdapterOptions): string {
    const path = this.#newPath();
    writeMergedGguf(path, gguf, options);
    return path;
  }

  remove(): void {
    this.#folder.remove();
  }

  #newPath(): string {
    return join(this.#folder.path, `${this.#numFiles++}.gguf`);
  }
}

/** Loads a model with adapters in slots 0, 1, ... */
export async function withModel<T>(
  path: string,
  adapters: readonly string[],
  use: (model: NativeModel) => Promise<T>,
  options: Partial<LoadModelOptions> = {},
): Promise<T> {
  const model = await loadTestModel(path, {
    ...{ maxAdapters: MAX_ADAPTERS, maxAdapterRank: 64, kvCacheType: "f32" },
    ...options,
  });
  try {
    for (const [slot, adapter] of adapters.entries()) await model.loadAdapter(adapter, slot);
    return await use(model);
  } finally {
    await model.dispose();
  }
}

/** Logits after each token of PROMPT. */
export async function promptLogits(model: NativeModel, adapter = -1): Promise<Float32Array[]> {
  const sequence = { tokenIds: PROMPT, blockIds: PROMPT_BLOCKS, adapter };
  const [rows = []] = await logitsOf(model, [sequence]);
  return rows;
}

/** Logits without an adapter and with the one in slot 0. */
export function baseAndAdapted(model: string, adapter: string) {
  const use = async (loaded: NativeModel) =>
    [await promptLogits(loaded), await promptLogits(loaded, 0)] as const;
  return withModel(model, [adapter], use, EXACT);
}
