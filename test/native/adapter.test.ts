// Logits with LoRA adapters, compared with merged weights, with llama.cpp, and with the same rows
// in other batches.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import type { LoadModelOptions, NativeModel } from "../../src/runner/addon-types.ts";
import { type LogitSequence, largestDifference, logitsOf } from "../support/logit-steps.ts";
import { loadTestModel, NativeStep } from "../support/native-step.ts";
import { Prng } from "../support/prng.ts";
import { buildSanitized, runSanitized } from "../support/sanitized-program.ts";
import {
  type TinyAdapterOptions,
  writeMergedGguf,
  writeTinyAdapter,
} from "../support/tiny-adapter.ts";
import { type TinyGgufOptions, writeTinyGguf } from "../support/tiny-gguf.ts";
import { tempFolder } from "../support/tiny-model.ts";

const folder = tempFolder();
afterAll(folder.remove);

const MAX_ADAPTERS = 4;
const prng = new Prng(11);
const tokensOf = (length: number) => Array.from({ length }, () => prng.int(3, 250));
const PROMPT = tokensOf(40);
const BLOCKS = [3, 1, 2];

let numFiles = 0;
const newPath = () => join(folder.path, `${numFiles++}.gguf`);

function modelFile(gguf: TinyGgufOptions): string {
  const path = newPath();
  writeTinyGguf(path, gguf);
  return path;
}

function adapterFile(gguf: TinyGgufOptions, adapter: TinyAdapterOptions): string {
  const path = newPath();
  writeTinyAdapter(path, gguf, adapter);
  return path;
}

/** Loads a model with adapters in slots 0, 1, ... */
async function withModel<T>(
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
async function logitsAlone(model: NativeModel, adapter = -1): Promise<Float32Array[]> {
  const [rows = []] = await logitsOf(model, [{ tokenIds: PROMPT, blockIds: BLOCKS, adapter }]);
  return rows;
}

/** Attention without Pagoda's kernels, which round K and V to bf16 on some CPUs. */
const EXACT = { attentionBackend: "ggml" } as const;

const isQuery = (name: string) => name.includes("attn_q");
const isMatrix = (name: string) => name.startsWith("blk.");
const isAttention = (name: string) => name.startsWith("blk.") && name.includes("attn");

const MERGED: readonly (readonly [string, TinyGgufOptions, TinyAdapterOptions])[] = [
  ["on all layers", {}, {}],
  ["of rank 1", {}, { rank: 1 }],
  ["of rank 40", {}, { rank: 40 }],
  ["without alpha", {}, { alpha: 0, strength: 0.1 }],
  ["on the queries", {}, { changes: isQuery, strength: 0.2 }],
  ["on the head", {}, { changes: (name) => name === "output.weight", strength: 0.2 }],
  ["on everything", {}, { changes: () => true }],
  ["on the embeddings", {}, { changes: (name) => name === "token_embd.weight", strength: 0.2 }],
  ["on qwen3", { architecture: "qwen3" }, {}],
  ["on gemma2", { architecture: "gemma2" }, {}],
  ["on gemma3", { architecture: "gemma3" }, {}],
  ["on a fused attn_qkv", { architecture: "bloom" }, { changes: isMatrix }],
  ["beside experts", { architecture: "gpt-oss" }, { changes: isAttention }],
  ["with odd sizes", { headSize: 40, numHeads: 3, numKvHeads: 1 }, {}],
];

/** Logits without an adapter and with the one in slot 0. */
async function baseAndAdapted(model: string, adapter: string) {
  const use = async (loaded: NativeModel) =>
    [await logitsAlone(loaded), await logitsAlone(loaded, 0)] as const;
  return withModel(model, [adapter], use, EXACT);
}

describe("the logits with an adapter", () => {
  test.each(MERGED)("%s are the same as with merged weights", async (_name, gguf, options) => {
    const merged = newPath();
    writeMergedGguf(merged, gguf, options);
    const expected = await withModel(merged, [], (model) => logitsAlone(model), EXACT);
    const [base, adapted] = await baseAndAdapted(modelFile(gguf), adapterFile(gguf, options));
    const effect = largestDifference(base, expected);
    expect(effect).toBeGreaterThan(0.5);
    expect(largestDifference(adapted, expected)).toBeLessThan(0.01 * effect);
  });
});

describe("compared with llama.cpp's adapters", () => {
  let program = "";
  beforeAll(async () => {
    program = await buildSanitized({
      ...{ name: "stock-logits", sources: {}, libraries: ["llama", "ggml", "ggml-cpu"] },
    });
  }, 600_000);

  function stockLogits(model: string, adapter: string): Float32Array[] {
    const { lines, stderr } = runSanitized(program, "", model, adapter, "1", ...PROMPT.map(String));
    expect(stderr).toBe("");
    return lines.map((line) => Float32Array.from(line.trim().split(" "), Number));
  }

  // llama.cpp rounds the rows that it multiplies with an F16, BF16 or Q8_0 matrix to that type.
  test.each([
    ["F32", 1.5],
    ["F16", 1.5],
    ["BF16", 4],
    ["Q8_0", 6],
  ] as const)("%s files differ like rows without an adapter, times %p", async (type, factor) => {
    const path = modelFile({});
    const adapter = adapterFile({}, { type, rank: 32 });
    const [base, adapted] = await baseAndAdapted(path, adapter);
    const expected = stockLogits(path, adapter);
    const noise = largestDifference(base, stockLogits(path, "-"));
    expect(noise).toBeLessThan(0.05);
    expect(largestDifference(adapted, expected)).toBeLessThan(factor * noise);
    expect(largestDifference(base, expected)).toBeGreaterThan(1);
  });
});

/** Models whose rows do not depend on their batch, since Pagoda's kernels multiply them. */
const PACKED: TinyGgufOptions = { weightType: "Q8_0" };

describe.each([1, 2])("rows of a batch on %i threads", (numThreads) => {
  let path = "";
  let adapters: string[] = [];
  beforeAll(() => {
    path = modelFile(PACKED);
    const everything = () => true;
    adapters = [
      adapterFile(PACKED, { seed: 5 }),
      adapterFile(PACKED, { seed: 6, rank: 40, changes: everything }),
      adapterFile(PACKED, { seed: 7, rank: 3, changes: isQuery }),
    ];
  });
  const use = <T>(run: (model: NativeModel) => Promise<T>) =>
    withModel(path, adapters, run, { numThreads });

  /** Sequence i of a batch, with its own blocks. */
  const sequence = (i: number, tokenIds: number[], adapter: LogitSequence["adapter"] = -1) => ({
    ...{ tokenIds, adapter, blockIds: [1 + 3 * i, 2 + 3 * i, 3 + 3 * i] },
  });

  test("are bitwise the same as by themselves", () =>
    use(async (model) => {
      const texts = Array.from({ length: 16 }, (_, i) => tokensOf(i < 12 ? 1 : 5 * i - 40));
      const sequences = texts.map((text, i) => sequence(i, text, (i % 4) - 1));
      const together = await logitsOf(model, sequences);
      for (const [i, one] of sequences.entries()) {
        const [alone = []] = await logitsOf(model, [one]);
        expect(largestDifference(together[i] ?? [], alone)).toBe(0);
      }
    }));

  test.each([1, 2, 16])(
    "%i rows with one adapter are bitwise the same as each row by itself",
    (numRows) =>
      use(async (model) => {
        const sequences = Array.from({ length: numRows }, (_, i) => sequence(i, tokensOf(1), 1));
        const together = await logitsOf(model, sequences);
        for (const [i, one] of sequences.entries()) {
          const [alone = []] = await logitsOf(model, [one]);
          expect(largestDifference(together[i] ?? [], alone)).toBe(0);
        }
      }),
  );

  test("of a prompt in chunks are bitwise the same as those of the whole prompt", () =>
    use(async (model) => {
      const [whole = []] = await logitsOf(model, [sequence(0, PROMPT, 1)]);
      const parts: Float32Array[] = [];
      for (const [start, end] of [
        [0, 1],
        [1, 20],
        [20, 40],
      ] as const) {
        const part = { ...sequence(0, PROMPT.slice(start, end), 1), start };
        parts.push(...((await logitsOf(model, [part]))[0] ?? []));
      }
      expect(largestDifference(parts, whole)).toBe(0);
    }));

  test("are correct for every choice of rows with logits", () =>
    use(async (model) => {
      const [all = []] = await logitsOf(model, [sequence(0, PROMPT, 0)]);
      for (const rowsOf of [[39], [0, 7], [3, 36, 37, 38, 39], [0]]) {
        const chosen = await logitsOf(model, [
          { ...sequence(1, PROMPT.slice(0, 30), 2), rowsOf: [29] },
          { ...sequence(0, PROMPT, 0), rowsOf },
        ]);
        const expected = rowsOf.map((row) => all[row] ?? new Float32Array());
        expect(largestDifference(chosen[1] ?? [], expected)).toBe(0);
      }
    }));

  test("before an adapter's first token are the same as from the base model", () =>
    use(async (model) => {
      const base = await logitsAlone(model);
      const adapter = PROMPT.map((_, i) => (i < 25 ? -1 : 0));
      const [mixed = []] = await logitsOf(model, [{ tokenIds: PROMPT, blockIds: BLOCKS, adapter }]);
      expect(largestDifference(mixed.slice(0, 25), base.slice(0, 25))).toBe(0);
      expect(largestDifference(mixed.slice(25), base.slice(25))).toBeGreaterThan(0.1);
    }));

  test("determine greedy tokens, including changes to the head", () =>
    use(async (model) => {
      for (const adapter of [-1, 0, 1, 2]) {
        const one = { ...sequence(0, PROMPT, adapter), rowsOf: [39] };
        const [[logits = new Float32Array()] = []] = await logitsOf(model, [one]);
        const rows = [{ numLogprobs: -1 }];
        const [greedy] = await new NativeStep(model).run([{ ...one, rows }]);
        expect(greedy?.tokenId).toBe(logits.indexOf(Math.max(...logits)));
      }
    }));

  test("are the same as the base model's after the adapter is unloaded", async () => {
    const without = await withModel(path, [], (model) => logitsAlone(model), { numThreads });
    await use(async (model) => {
      await logitsAlone(model, 1);
      for (const slot of [0, 1, 2]) model.unloadAdapter(slot);
      expect(largestDifference(await logitsAlone(model), without)).toBe(0);
    });
  });
});
