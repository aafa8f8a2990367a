// Logits with LoRA adapters, compared with merged weights and with the same rows in other batches.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { NativeModel } from "../../src/runner/addon-types.ts";
import {
  AdapterFiles,
  baseAndAdapted,
  EXACT,
  PROMPT,
  PROMPT_BLOCKS,
  promptLogits,
  tokensOf,
  withModel,
} from "../support/adapted-models.ts";
import { type LogitSequence, largestDifference, logitsOf } from "../support/logit-steps.ts";
import { NativeStep } from "../support/native-step.ts";
import type { TinyAdapterOptions } from "../support/tiny-adapter.ts";
import type { TinyGgufOptions } from "../support/tiny-gguf.ts";

const files = new AdapterFiles();
afterAll(() => files.remove());

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
  ["next to experts", { architecture: "gpt-oss" }, { changes: isAttention }],
  ["with odd sizes", { headSize: 40, numHeads: 3, numKvHeads: 1 }, {}],
];

describe("the logits with an adapter", () => {
  test.each(MERGED)("%s are the same as with merged weights", async (_name, gguf, options) => {
    const merged = files.merged(gguf, options);
    const expected = await withModel(merged, [], (model) => promptLogits(model), EXACT);
    const [base, adapted] = await baseAndAdapted(files.model(gguf), files.adapter(gguf, options));
    const effect = largestDifference(base, expected);
    expect(effect).toBeGreaterThan(0.5);
    expect(largestDifference(adapted, expected)).toBeLessThan(0.01 * effect);
  });
});

/** Models whose rows do not depend on their batch, since Pagoda's kernels multiply them. */
const PACKED: TinyGgufOptions = { weightType: "Q8_0" };

describe.each([1, 2])("rows of a batch on %i threads", (numThreads) => {
  let path = "";
  let adapters: string[] = [];
  beforeAll(() => {
    path = files.model(PACKED);
    const everything = () => true;
    adapters = [
      files.adapter(PACKED, { seed: 5 }),
      files.adapter(PACKED, { seed: 6, rank: 40, changes: everything }),
      files.adapter(PACKED, { seed: 7, rank: 3, changes: isQuery }),
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
      const base = await promptLogits(model);
      const adapter = PROMPT.map((_, i) => (i < 25 ? -1 : 0));
      const [mixed = []] = await logitsOf(model, [
        { tokenIds: PROMPT, blockIds: PROMPT_BLOCKS, adapter },
      ]);
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
    const without = await withModel(path, [], (model) => promptLogits(model), { numThreads });
    await use(async (model) => {
      await promptLogits(model, 1);
      for (const slot of [0, 1, 2]) model.unloadAdapter(slot);
      expect(largestDifference(await promptLogits(model), without)).toBe(0);
    });
  });
});
