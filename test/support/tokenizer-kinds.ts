// Small vocabularies for every pre-tokenizer and every kind of tokenizer in the pinned llama.cpp. The names of
// pre-tokenizers are read from llama.cpp's source, so no new name is missed.

import { readFileSync } from "node:fs";
import { Checkout } from "../../scripts/checkout.ts";
import type { GgufValue } from "./gguf-writer.ts";
import { Prng } from "./prng.ts";
import {
  byteCharacters,
  byteEntries,
  CONTROL,
  type Entry,
  NORMAL,
  type TinyVocabulary,
  UNKNOWN,
  USER_DEFINED,
  vocabularyOf,
} from "./tiny-vocabulary.ts";

type Metadata = readonly (readonly [string, GgufValue])[];

/** Merges of spaces, newlines, and letters, which cover both long runs and words. */
const MERGES = [
  ...["Ġ Ġ", "ĠĠ ĠĠ", "Ċ Ċ", "a a", "aa aa", "▁ ▁", "▁▁ ▁▁", "1 2", ". ."],
  ...["t h", "th e", "Ġ the", "▁ the", "i n", "Ã ©"],
];
const LETTERS = Array.from("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,!'-\n");
const SPECIALS: readonly Entry[] = [
  ...["<s>", "</s>", "<unk>", "<pad>", "<mask>", "[MASK]", "<|endoftext|>"].map(control),
  ...["<|im_start|>", "<|im_end|>", "<dna>", "</dna>", "<oov>"].map(control),
  ...["\n\n\n", "<extra>", "<|extra"].map((text) => ({ text, type: USER_DEFINED })),
];

function control(text: string): Entry {
  return { text, type: text === "<unk>" ? UNKNOWN : CONTROL };
}

function normal(texts: readonly string[]): Entry[] {
  return texts.map((text) => ({ text, type: NORMAL }));
}

/** @returns the pre-tokenizer for every possible value of `tokenizer.ggml.pre` */
export function preTokenizers(): Map<string, string> {
  const source = readFileSync(
    new Checkout().path("third_party", "llama.cpp", "src", "llama-vocab.cpp"),
    "utf8",
  );
  const found = new Map<string, string>();
  let names: string[] = [];
  for (const match of source.matchAll(
    /tokenizer_pre == "(.+?)"|pre_type = LLAMA_VOCAB_PRE_TYPE_(\w+)/g,
  )) {
    const [, name, type] = match;
    if (name !== undefined) names.push(name);
    if (type === undefined) continue;
    for (const each of names) found.set(each, type);
    names = [];
  }
  return found;
}

/** @param specials special tokens in addition to SPECIALS, which every vocabulary has */
export function bpeWith(
  pre: string,
  specials: readonly Entry[] = [],
  model = "gpt2",
): TinyVocabulary {
  const kmers = ["ACGTAC", "AAAAAA"].map((kmer) => `${kmer}\u{e000}`);
  const joined = MERGES.map((merge) => merge.replace(" ", ""));
  const entries = normal([...byteCharacters(), "▁", ...joined, ...kmers]);
  return withSpecials([...entries, ...byteEntries()], specials, [
    ["tokenizer.ggml.model", ["string", model]],
    ["tokenizer.ggml.pre", ["string", pre]],
    ["tokenizer.ggml.merges", ["string[]", MERGES]],
  ]);
}

/** One vocabulary for each kind of tokenizer in llama.cpp other than byte-level BPE. */
export const TOKENIZER_KINDS: Readonly<
  Record<string, (specials?: readonly Entry[]) => TinyVocabulary>
> = {
  "SentencePiece BPE": (specials) => spm("llama", byteEntries(), specials),
  "SentencePiece BPE without byte tokens": (specials) => spm("llama", [], specials),
  "SentencePiece unigram": (specials) => spm("t5", [], specials),
  "SentencePiece unigram with merged spaces": (specials) =>
    spm("t5", byteEntries(), specials, [
      ["tokenizer.ggml.remove_extra_whitespaces", ["bool", true]],
    ]),
  WordPiece: (specials) => spm("bert", [], specials),
  "WordPiece without accents": (specials) =>
    spm("bert", [], specials, [["tokenizer.ggml.normalizer.strip_accents", ["bool", true]]]),
  RWKV: (specials) => rwkv(256, specials),
  "RWKV without all byte tokens": (specials) => rwkv(0x71, specials),
  PLaMo2: (specials) => spm("plamo2", byteEntries(), specials),
  "Gemma 4": (specials) => bpeWith("gemma4", specials, "gemma4"),
  DNA: (specials) => bpeWith("gpt-2", specials, "hybriddna"),
  whitespace: (specials) => bpeWith("whitespace", specials, "whitespace"),
  "byte-level BPE that strips after specials": (specials) =>
    named("phi-3", bpeWith("gpt-2", specials)),
  "byte-level BPE that strips before a mask": (specials) => bpeWith("jina-v2-de", specials),
  "SentencePiece BPE that strips after specials": (specials) =>
    named("phi-3", spm("llama", byteEntries(), specials)),
};

/** One vocabulary for each pre-tokenizer and each kind, with special tokens that overlap at random. */
export function everyTokenizer(seed = 1): TinyVocabulary[] {
  const prng = new Prng(seed);
  const oneOfEachType = new Map(Array.from(preTokenizers(), ([name, type]) => [type, name]));
  return [
    ...Array.from(oneOfEachType.values(), (name) => bpeWith(name, overlapping(prng))),
    ...Object.values(TOKENIZER_KINDS).map((kind) => kind(overlapping(prng))),
  ];
}

function overlapping(prng: Prng): Entry[] {
  const letters = ["a", "b", " ", "\n", "<", "|", ">", "é"].slice(0, prng.int(2, 8));
  return Array.from({ length: prng.int(0, 60) }, () => ({
    text: Array.from(
      { length: prng.int(2, 7) },
      () => letters[prng.int(0, letters.length - 1)],
    ).join(""),
    type: prng.chance(0.5) ? CONTROL : USER_DEFINED,
  }));
}

function spm(
  model: string,
  bytes: readonly Entry[],
  specials: readonly Entry[] = [],
  metadata: Metadata = [],
): TinyVocabulary {
  const words = ["▁", "▁▁", "▁▁▁▁", "aa", "aaaa", "th", "the", "▁the", "in", "é"];
  return withSpecials([...bytes, ...normal([...words, ...LETTERS])], specials, [
    ["tokenizer.ggml.model", ["string", model]],
    ...metadata,
  ]);
}

/** @param numBytes number of single-byte tokens; longer tokens can begin with other bytes */
function rwkv(numBytes: number, specials: readonly Entry[] = []): TinyVocabulary {
  const bytes = Array.from(
    { length: numBytes },
    (_, byte) => `\\x${byte.toString(16).padStart(2, "0")}`,
  );
  return withSpecials(normal([...bytes, "the", " the", "queue", "  ", "\\n\\n"]), specials, [
    ["tokenizer.ggml.model", ["string", "rwkv"]],
  ]);
}

function withSpecials(
  entries: readonly Entry[],
  specials: readonly Entry[],
  metadata: Metadata,
): TinyVocabulary {
  const byText = new Map(
    [...SPECIALS, ...entries, ...specials].map((entry) => [entry.text, entry]),
  );
  const all = [...byText.values()];
  const idOf = (text: string) => all.findIndex((entry) => entry.text === text);
  return vocabularyOf(all, idOf("<s>"), idOf("</s>"), [
    ["tokenizer.ggml.scores", ["f32[]", all.map((_, id) => -id)]],
    ["tokenizer.ggml.unknown_token_id", ["u32", idOf("<unk>")]],
    ["tokenizer.ggml.seperator_token_id", ["u32", idOf("</s>")]],
    ["tokenizer.ggml.padding_token_id", ["u32", idOf("<pad>")]],
    ...metadata,
  ]);
}

function named(name: string, vocabulary: TinyVocabulary): TinyVocabulary {
  const metadata = new Map([...vocabulary.metadata, ["general.name", ["string", name]] as const]);
  return { ...vocabulary, metadata };
}
