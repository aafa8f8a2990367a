// Tokenizing and detokenizing through the addon, with vocabularies whose ids are known.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { NativeModel } from "../../src/runner/addon-types.ts";
import { loadTestModel } from "../support/native-step.ts";
import { writeTinyGguf } from "../support/tiny-gguf.ts";
import { CONTROL, type TinyVocabulary, USER_DEFINED } from "../support/tiny-vocabulary.ts";
import { bpeWith, TOKENIZER_KINDS } from "../support/tokenizer-kinds.ts";

const folder = mkdtempSync(join(tmpdir(), "pagoda-vocabulary-"));
let spm: NativeModel;
let bpe: NativeModel;
let spmIds: TinyVocabulary;
let bpeIds: TinyVocabulary;

beforeAll(async () => {
  spmIds = writeTinyGguf(join(folder, "spm.gguf"), { tokenizer: "spm" });
  bpeIds = writeTinyGguf(join(folder, "bpe.gguf"), { tokenizer: "bpe" });
  spm = await loadTestModel(join(folder, "spm.gguf"));
  bpe = await loadTestModel(join(folder, "bpe.gguf"));
});

afterAll(async () => {
  await spm?.dispose();
  await bpe?.dispose();
  rmSync(folder, { recursive: true, force: true });
});

function kindOf(name: string): TinyVocabulary {
  const kind = TOKENIZER_KINDS[name];
  if (kind === undefined) throw new Error(`no kind of tokenizer is called ${name}`);
  return kind();
}

function textOf({ metadata }: TinyVocabulary, id: number): string {
  const [, texts] = metadata.get("tokenizer.ggml.tokens") as ["string[]", readonly string[]];
  return texts[id] ?? "";
}

describe("vocabulary()", () => {
  test("returns every token's bytes", () => {
    const { bytes, starts } = bpe.vocabulary();
    expect(starts.length).toBe(bpeIds.size + 1);
    expect(starts.at(-1)).toBe(bytes.length);
    for (let byte = 0; byte < 256; byte++) {
      expect([...bytes.subarray(starts[byte], starts[byte + 1])]).toEqual([byte]);
    }
    const text = (id: number) =>
      new TextDecoder().decode(bytes.subarray(starts[id], starts[id + 1]));
    expect(text(257)).toBe("the");
    expect(text(bpeIds.imEndId)).toBe("<|im_end|>");
  });

  test("returns a byte token's byte, and a space for a SentencePiece space", () => {
    const { bytes, starts } = spm.vocabulary();
    const of = (id: number) => [...bytes.subarray(starts[id], starts[id + 1])];
    expect(of(3 + 0xff)).toEqual([0xff]);
    expect(of(294)).toEqual([...new TextEncoder().encode(" the")]);
  });

  test("returns every token's entry as stored in the file", () => {
    const of = (model: NativeModel, id: number) => {
      const { entries, entryStarts } = model.vocabulary();
      return new TextDecoder().decode(entries.subarray(entryStarts[id], entryStarts[id + 1]));
    };
    expect(bpe.vocabulary().entryStarts.length).toBe(bpeIds.size + 1);
    expect([0x0a, 0x20, 0x61, 257, bpeIds.imEndId].map((id) => of(bpe, id))).toEqual([
      ...["\u010a", "\u0120", "a", "the", "<|im_end|>"],
    ]);
    expect([0, 3 + 0x0a, 294, spmIds.imEndId].map((id) => of(spm, id))).toEqual([
      ...["<unk>", "<0x0A>", "\u2581the", "<|im_end|>"],
    ]);
  });

  test("marks only control, unknown and unused tokens", () => {
    const marked = (model: NativeModel) =>
      [...model.vocabulary().special].flatMap((flag, id) => (flag === 1 ? [id] : []));
    expect(marked(spm)).toEqual([0, 1, 2, 295, 296, 297]);
    expect(marked(bpe)).toEqual([264, 265, 266, 267, 268]);
  });
});

describe("tokenizeNow()", () => {
  test("returns the same IDs as tokenize() and throws on an invalid argument", async () => {
    for (const model of [spm, bpe]) {
      for (const text of ["", "the the", "Grüße \u{1F600}\0x", "<|im_end|>"]) {
        for (const [addSpecial, parseSpecial] of [
          [true, true],
          [false, false],
        ] as const) {
          const ids = await model.tokenize(text, addSpecial, parseSpecial);
          expect(model.tokenizeNow(text, addSpecial, parseSpecial)).toEqual(ids);
        }
      }
    }
    expect(() => bpe.tokenizeNow(7 as unknown as string, true, true)).toThrow();
  });
});

describe("tokenize()", () => {
  test("merges by the vocabulary's rules, with BOS on request", async () => {
    expect([...(await spm.tokenize("the ink", true, true))]).toEqual([1, 294, 259, 288, 270]);
    expect([...(await spm.tokenize("the ink", false, true))]).toEqual([294, 259, 288, 270]);
    expect([...(await bpe.tokenize("the ink", true, true))]).toEqual([264, 257, 32, 258, 107]);
  });

  test("parses special tokens in text only if allowed", async () => {
    const text = "<|im_start|>a";
    const parsed = [...(await bpe.tokenize(text, false, true))];
    expect(parsed).toEqual([bpeIds.imStartId, 97]);
    const plain = [...(await bpe.tokenize(text, false, false))];
    expect(plain).not.toContain(bpeIds.imStartId);
    expect(plain.length).toBe(13);
  });

  test("returns only the special tokens for an empty string", async () => {
    expect([...(await spm.tokenize("", true, true))]).toEqual([spmIds.bosId]);
    expect([...(await spm.tokenize("", false, true))]).toEqual([]);
  });

  test("preserves zero bytes and spells unknown characters as bytes", async () => {
    expect([...(await bpe.tokenize("a\0b", false, true))]).toEqual([97, 0, 98]);
    expect([...(await spm.tokenize("é", false, true))]).toEqual([259, 3 + 0xc3, 3 + 0xa9]);
  });

  test("accepts more than a mebibyte of text", async () => {
    const text = "then ".repeat(1 << 18);
    const ids = await bpe.tokenize(text, false, true);
    expect(ids.length).toBe(3 * (1 << 18)); // "the", "n", " "
    expect(await bpe.detokenize(ids, false)).toBe(text);
  });

  test("returns the same ids on many threads at once", async () => {
    const texts = Array.from({ length: 64 }, (_, i) => `line ${i} of the inner text é`);
    const alone: number[][] = [];
    for (const text of texts) alone.push([...(await bpe.tokenize(text, true, true))]);
    const together = await Promise.all(texts.map((text) => bpe.tokenize(text, true, true)));
    expect(together.map((ids) => [...ids])).toEqual(alone);
  });
});

describe("a token limit", () => {
  const end = "a<|im_end|>";

  test("returns one token more than the limit for longer text, and otherwise all tokens", async () => {
    for (const model of [spm, bpe]) {
      const text = `${end.repeat(20)} the inner ${"the ".repeat(20)}`;
      const all = await model.tokenize(text, true, true);
      for (const limit of [0, 1, 2, 39, 40, 41, 60, all.length - 1, all.length, 10_000]) {
        expect(await model.tokenize(text, true, true, limit)).toEqual(all.slice(0, limit + 1));
        expect(model.tokenizeNow(text, true, true, limit)).toEqual(all.slice(0, limit + 1));
      }
    }
  });

  test("must be a whole number", () => {
    for (const limit of [-1, 1.5, 2 ** 31, Number.NaN, "9" as unknown as number]) {
      expect(() => bpe.tokenizeNow("a", true, true, limit)).toThrow("must be a whole number");
    }
  });
});

describe("special tokens in text", () => {
  const special = (text: string, type = CONTROL) => ({ text, type });
  let numModels = 0;

  async function idsOf(tokenizer: TinyVocabulary, text: string, parseSpecial = true) {
    const path = join(folder, `special-${numModels++}.gguf`);
    writeTinyGguf(path, { tokenizer });
    const model = await loadTestModel(path);
    const ids = [...(await model.tokenize(text, false, parseSpecial))];
    await model.dispose();
    return ids.map((id) => textOf(tokenizer, id));
  }

  test("are matched one token at a time, longest first, each from left to right", async () => {
    const tokenizer = bpeWith("gpt-2", [special("xyz"), special("yzxy"), special("zx")]);
    expect(await idsOf(tokenizer, "xyzxyz")).toEqual(["x", "yzxy", "z"]);
    expect(await idsOf(tokenizer, "xyzx")).toEqual(["xyz", "x"]);
    expect(await idsOf(tokenizer, "zxzx")).toEqual(["zx", "zx"]);
    expect(await idsOf(bpeWith("gpt-2", [special("xyx")]), "xyxyxyx")).toEqual(["xyx", "y", "xyx"]);
  });

  test("can strip the white space after or before them", async () => {
    const after = "byte-level BPE that strips after specials";
    const before = "byte-level BPE that strips before a mask";
    const text = "b \n<mask> \n\t<pad>  c";
    expect(await idsOf(kindOf(after), text)).toEqual(["b", "Ġ", "Ċ", "<mask>", "<pad>", "c"]);
    const kept = ["<mask>", "Ġ", "Ċ", "ĉ", "<pad>", "Ġ", "Ġ", "c"];
    expect(await idsOf(kindOf(before), text)).toEqual(["b", ...kept]);
  });

  test("are matched if they are user-defined, even if special tokens are not parsed", async () => {
    const tokenizer = bpeWith("gpt-2", [special("xyz"), special("zy", USER_DEFINED)]);
    expect(await idsOf(tokenizer, "xyzy", false)).toEqual(["x", "y", "zy"]);
    expect(await idsOf(tokenizer, "xyzy", true)).toEqual(["xyz", "y"]);
  });

  test("are matched in linear time in text with 25,000 of them", async () => {
    const ids = await bpe.tokenize("a<|im_end|>".repeat(25_000), false, true);
    expect(ids.length).toBe(50_000);
    expect(new Set(ids)).toEqual(new Set([97, bpeIds.imEndId]));
  });
});

describe("text that a vocabulary cannot spell", () => {
  test("becomes the unknown token", async () => {
    const kinds = ["SentencePiece BPE without byte tokens", "RWKV without all byte tokens"];
    for (const kind of kinds) {
      const tokenizer = kindOf(kind);
      const path = join(folder, "unknown.gguf");
      writeTinyGguf(path, { tokenizer });
      const model = await loadTestModel(path);
      const ids = [...(await model.tokenize("the~q", false, true))];
      expect(ids.map((id) => textOf(tokenizer, id)).filter((text) => text === "<unk>")).not.toEqual(
        [],
      );
      await model.dispose();
    }
  });

  test("prevents loading if the tokenizer adds a token that does not exist", async () => {
    const tokenizer = kindOf("SentencePiece unigram");
    const metadata = new Map(tokenizer.metadata);
    metadata.delete("tokenizer.ggml.bos_token_id");
    metadata.set("tokenizer.ggml.add_bos_token", ["bool", true]);
    const path = join(folder, "no-bos.gguf");
    writeTinyGguf(path, { tokenizer: { ...tokenizer, metadata } });
    await expect(loadTestModel(path)).rejects.toMatchObject({
      code: "model_unsupported",
      message: "the tokenizer adds the BOS token, but the vocabulary has none",
    });
  });
});

describe("detokenize()", () => {
  test("is the inverse of tokenize()", async () => {
    for (const text of ["the inner man", "tab\tline\nzero\0 é 😀 end", "  two spaces"]) {
      for (const model of [spm, bpe]) {
        expect(await model.detokenize(await model.tokenize(text, true, true), true)).toBe(text);
      }
    }
  });

  test("shows special tokens unless they are removed", async () => {
    const ids = Int32Array.of(bpeIds.bosId, 97, bpeIds.imEndId, 98);
    expect(await bpe.detokenize(ids, false)).toBe("<|begin|>a<|im_end|>b");
    expect(await bpe.detokenize(ids, true)).toBe("ab");
  });

  test("returns an empty string for no tokens and for only BOS", async () => {
    expect(await spm.detokenize(new Int32Array(0), true)).toBe("");
    expect(await spm.detokenize(Int32Array.of(spmIds.bosId), true)).toBe("");
  });

  test("refuses ids outside the vocabulary", () => {
    for (const id of [-1, bpeIds.size, 2 ** 31 - 1]) {
      expect(() => bpe.detokenize(Int32Array.of(id), true)).toThrow(
        expect.objectContaining({ code: "invalid_argument" }),
      );
    }
  });
});
