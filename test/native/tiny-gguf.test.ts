// Every tiny model that tests can generate: llama.cpp either loads it and decodes with it or
// refuses it with the right error code.

import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadTestModel, NativeStep } from "../support/native-step.ts";
import { SWITCH_TOKEN_ID, type TinyGgufOptions, writeTinyGguf } from "../support/tiny-gguf.ts";

const folder = mkdtempSync(join(tmpdir(), "pagoda-tiny-"));
const path = join(folder, "tiny.gguf");
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const LOADABLE: readonly TinyGgufOptions[] = [
  {},
  { weightType: "F16" },
  { weightType: "Q8_0" },
  { headSize: 128 },
  { headSize: 256, numHeads: 8, numKvHeads: 1 },
  { tokenizer: "bpe", addBos: false },
  { architecture: "qwen3" },
  { architecture: "gemma2" },
  { architecture: "gemma3", numLayers: 3 },
  { architecture: "gpt-oss" },
  { architecture: "bloom" },
  { architecture: "graniteswitch" },
];

/** Architectures with layers that attend only to the last 32 tokens. */
const WINDOWED: readonly TinyGgufOptions["architecture"][] = ["gemma2", "gemma3", "gpt-oss"];

describe("a tiny model", () => {
  for (const options of LOADABLE) {
    test(`loads and decodes: ${JSON.stringify(options)}`, async () => {
      const vocabulary = writeTinyGguf(path, options);
      const model = await loadTestModel(path);
      expect(model.info).toMatchObject({
        architecture: options.architecture ?? "llama",
        quantization: options.weightType ?? "F32",
        vocabSize: vocabulary.size,
        eosTokenIds: [vocabulary.eosId, vocabulary.imEndId],
        addBos: options.addBos ?? true,
        trainedContextLength: 512,
        hasChatTemplate: true,
        slidingWindow: WINDOWED.includes(options.architecture) ? 32 : null,
      });
      const tokenIds = [vocabulary.bosId, 20, 30, 40];
      const results = await new NativeStep(model).run([
        { tokenIds, blockIds: [1], rows: [{ token: 0, numLogprobs: 2 }, { numLogprobs: 2 }] },
      ]);
      expect(results.map((row) => row.hasNan)).toEqual([false, false]);
      // Not degenerate: the distribution depends on the previous tokens and is neither flat nor certain.
      expect(results[0]?.top).not.toEqual(results[1]?.top);
      expect(results[1]?.logprob).toBeGreaterThan(-5);
      expect(results[1]?.logprob).toBeLessThan(-0.01);
      await model.dispose();
    });
  }
});

test("an extra KV cache layer after the last layer is computed like the others", async () => {
  writeTinyGguf(path, { architecture: "graniteswitch", numLayers: 3 });
  const model = await loadTestModel(path);
  const step = new NativeStep(model);
  const rows = [{ numLogprobs: 2 }];
  const first = await step.run([{ tokenIds: [20, SWITCH_TOKEN_ID, 30], blockIds: [1], rows }]);
  const again = await step.run([{ tokenIds: [20, SWITCH_TOKEN_ID, 30], blockIds: [2], rows }]);
  const off = await step.run([{ tokenIds: [20, SWITCH_TOKEN_ID + 1, 30], blockIds: [3], rows }]);
  expect(again[0]?.top).toEqual(first[0]?.top);
  // The embeddings are the same. Only the adapter differs, and a head of that layer detects it.
  expect(off[0]?.top).not.toEqual(first[0]?.top);
  await model.dispose();
});

describe("a model that cannot be served", () => {
  const refused: readonly [TinyGgufOptions, string][] = [
    [{ architecture: "mamba" }, "model_unsupported"],
    [{ architecture: "bert" }, "model_unsupported"],
    [{ fault: "unknown-architecture" }, "model_unsupported"],
    [{ fault: "truncated" }, "model_truncated"],
    [{ fault: "wrong-magic" }, "model_not_gguf"],
  ];
  for (const [options, code] of refused) {
    test(`is refused with "${code}": ${JSON.stringify(options)}`, async () => {
      writeTinyGguf(path, options);
      await expect(loadTestModel(path)).rejects.toMatchObject({ code });
    });
  }
});
