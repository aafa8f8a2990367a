// Repetitive texts, tokenized with every pre-tokenizer in the pinned llama.cpp and every kind of
// tokenizer. No text may crash the process or take more than linear time. The texts have
// PAGODA_TEXT_BYTES bytes, which the nightly run raises to the size limit of a request body.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { NativeModel } from "../../src/runner/addon-types.ts";
import { loadTestModel } from "../support/native-step.ts";
import { Prng } from "../support/prng.ts";
import { writeTinyGguf } from "../support/tiny-gguf.ts";
import type { TinyVocabulary } from "../support/tiny-vocabulary.ts";
import { bpeWith, preTokenizers, TOKENIZER_KINDS } from "../support/tokenizer-kinds.ts";

/** std::regex crashed the process at 13,000 characters or more. */
const NUM_BYTES = Number(process.env["PAGODA_TEXT_BYTES"] ?? 20_000);
/** One second for 400 kB is ten times the usual duration. */
const TIMEOUT_MS = 20_000 + NUM_BYTES / 10;

/** Pieces of text, each repeated to make up one text. */
const PIECES = [
  ...[
    " ",
    "a",
    "A",
    ".",
    "\n",
    "\r\n",
    "\t ",
    " \n",
    " a",
    "aA",
    "the ",
    "'s",
    "a.",
    "1",
    "a1",
    "1 ",
  ],
  ...[
    "\0",
    "\u00a0",
    "\u0085",
    "\u2028",
    "\u3000",
    "\ufffd",
    "\ue000",
    "\u0301",
    "e\u0301",
    "é",
    "ſ",
  ],
  ...["中", "あ", "가", "שלום ", "ไทย", "１", "²", "😀", "👩\u200d", "\u{f0000}"],
  ...["a<|im_end|>", "<|im_end|", "<extra>  ", "IMGIMGA", "<sentinel:1", "<dna>ACGTAC", "▁"],
];

const folder = mkdtempSync(join(tmpdir(), "pagoda-every-tokenizer-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function withModel(tokenizer: TinyVocabulary, use: (model: NativeModel) => Promise<void>) {
  const path = join(folder, "tiny.gguf");
  writeTinyGguf(path, { tokenizer, numLayers: 1 });
  const model = await loadTestModel(path);
  await use(model);
  await model.dispose();
}

const encoder = new TextEncoder();

function awkwardTexts(): string[] {
  const prng = new Prng(5);
  const letters = Array.from({ length: NUM_BYTES }, () => String.fromCharCode(prng.int(97, 122)));
  const runs = PIECES.map((piece) => piece.repeat(NUM_BYTES / encoder.encode(piece).length));
  // In these, some patterns search to the end of a run without success, from every position in it.
  const broken = [`${" ".repeat(NUM_BYTES - 3)}中`, `${"1".repeat(NUM_BYTES - 1)}a`];
  return [...runs, ...broken, letters.join("")];
}

async function expectTokensOfAll(model: NativeModel, texts: readonly string[]): Promise<void> {
  for (const text of texts) {
    const ids = await model.tokenize(text, true, true);
    expect(ids.length).toBeLessThanOrEqual(2 * encoder.encode(text).length + 2);
    await model.detokenize(ids, false);
  }
}

describe("a repetitive text does not crash a tokenizer", () => {
  let texts: string[];
  beforeAll(() => {
    texts = awkwardTexts();
  });

  const nameOfType = new Map(Array.from(preTokenizers(), ([name, type]) => [type, name]));
  for (const [type, name] of nameOfType) {
    test(
      `with the pre-tokenizer ${type}`,
      () => withModel(bpeWith(name), (model) => expectTokensOfAll(model, texts)),
      TIMEOUT_MS,
    );
  }
  for (const [kind, vocabulary] of Object.entries(TOKENIZER_KINDS)) {
    test(
      `with ${kind}`,
      () => withModel(vocabulary(), (model) => expectTokensOfAll(model, texts)),
      TIMEOUT_MS,
    );
  }
});

describe("every pre-tokenizer name that a file can have", () => {
  test("occurs in the pinned source and loads", async () => {
    const names = [...preTokenizers().keys()];
    expect(names).toContain("tekken");
    expect(names.length).toBeGreaterThanOrEqual(90);
    for (const name of names) {
      await withModel(bpeWith(name), async (model) => {
        expect((await model.tokenize("a", false, true)).length).toBe(1);
      });
    }
  });
});
