// Byte-level BPE merges with random vocabularies, compared with a naive implementation: words of any length
// are merged by rank, and pairs of equal rank from left to right.

import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadTestModel } from "../support/native-step.ts";
import { Prng } from "../support/prng.ts";
import { writeTinyGguf } from "../support/tiny-gguf.ts";
import {
  byteCharacters,
  CONTROL,
  NORMAL,
  type TinyVocabulary,
  vocabularyOf,
} from "../support/tiny-vocabulary.ts";

const folder = mkdtempSync(join(tmpdir(), "pagoda-bpe-merges-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const LETTERS = ["a", "b", "c"];

type Merge = readonly [left: string, right: string];

function pickFrom<T>(prng: Prng, items: readonly T[]): T {
  return items[prng.int(0, items.length - 1)] as T;
}

/** Merges in random order: a pair can have a lower rank than the merges that make its pieces. */
function randomMerges(prng: Prng): Merge[] {
  const pieces = [...LETTERS];
  const merges = new Map<string, Merge>();
  while (merges.size < 40) {
    const merge = [pickFrom(prng, pieces), pickFrom(prng, pieces)] as const;
    if (merge.join("").length > 9) continue;
    merges.set(merge.join(" "), merge);
    pieces.push(merge.join(""));
  }
  const order = new Map([...merges.values()].map((merge) => [merge, prng.next()]));
  return [...merges.values()].sort((a, b) => (order.get(a) ?? 0) - (order.get(b) ?? 0));
}

function vocabularyWith(merges: readonly Merge[]): TinyVocabulary {
  const joined = new Set(merges.map((merge) => merge.join("")));
  const texts = [...byteCharacters(), ...joined];
  const entries = texts.map((text) => ({ text, type: NORMAL }));
  const specials = ["<s>", "</s>"].map((text) => ({ text, type: CONTROL }));
  return vocabularyOf([...entries, ...specials], texts.length, texts.length + 1, [
    ["tokenizer.ggml.model", ["string", "gpt2"]],
    ["tokenizer.ggml.pre", ["string", "gpt-2"]],
    ["tokenizer.ggml.merges", ["string[]", merges.map((merge) => merge.join(" "))]],
  ]);
}

function mergedNaively(word: string, merges: readonly Merge[]): string[] {
  const rankOf = new Map(merges.map((merge, rank) => [merge.join(" "), rank]));
  const pieces = [...word];
  for (;;) {
    let at = -1;
    let least = Number.POSITIVE_INFINITY;
    for (let i = 0; i + 1 < pieces.length; i++) {
      const rank = rankOf.get(`${pieces[i]} ${pieces[i + 1]}`) ?? Number.POSITIVE_INFINITY;
      if (rank < least) [at, least] = [i, rank];
    }
    if (at === -1) return pieces;
    pieces.splice(at, 2, `${pieces[at]}${pieces[at + 1]}`);
  }
}

test.each([1, 2, 3, 4, 5, 6])(
  "random vocabulary %i",
  async (seed) => {
    const prng = new Prng(seed);
    const merges = randomMerges(prng);
    const tokenizer = vocabularyWith(merges);
    const path = join(folder, `${seed}.gguf`);
    writeTinyGguf(path, { tokenizer, numLayers: 1 });
    const model = await loadTestModel(path);
    const [, texts] = tokenizer.metadata.get("tokenizer.ggml.tokens") as ["string[]", string[]];
    // The engine stores pairs differently in words of up to 1,024 symbols and in longer ones.
    for (const length of [1, 2, 3, 50, 1023, 1024, 1025, 1100, 2000]) {
      for (const letters of [LETTERS, LETTERS.slice(0, 1), LETTERS.slice(1)]) {
        const word = Array.from({ length }, () => pickFrom(prng, letters)).join("");
        const ids = await model.tokenize(word, false, false);
        const pieces = Array.from(ids, (id) => texts[id]);
        expect([length, pieces]).toEqual([length, mergedNaively(word, merges)]);
      }
    }
    await model.dispose();
  },
  20_000,
);
