// Special tokens for fill-in-the-middle prompts, as named in the model file.

import { afterAll, expect, test } from "bun:test";
import { join } from "node:path";
import { loadTestModel } from "../support/native-step.ts";
import { writeTinyGguf } from "../support/tiny-gguf.ts";
import { tempFolder } from "../support/tiny-model.ts";
import { tinyVocabulary } from "../support/tiny-vocabulary.ts";

const folder = tempFolder();

afterAll(() => folder.remove());

async function fimOf(keys: readonly string[]) {
  const vocabulary = tinyVocabulary("spm", true);
  const ids = keys.map((key, i) => [`tokenizer.ggml.${key}_token_id`, ["u32", 270 + i]] as const);
  const metadata = new Map([...vocabulary.metadata, ...ids]);
  const path = join(folder.path, `${keys.join("-")}.gguf`);
  writeTinyGguf(path, { tokenizer: { ...vocabulary, metadata } });
  const model = await loadTestModel(path);
  const { fimTokenIds } = model.info;
  await model.dispose();
  return fimTokenIds;
}

test("the fill-in-the-middle tokens are named by the file's keys", async () => {
  const fim = { prefix: 270, suffix: 271, middle: 272 };
  expect(await fimOf(["fim_pre", "fim_suf", "fim_mid"])).toEqual(fim);
});

test("a vocabulary with only some of the tokens supports no infill", async () => {
  expect(await fimOf(["fim_pre", "fim_suf"])).toBeNull();
  expect(await fimOf([])).toBeNull();
});
