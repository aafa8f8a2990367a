// The two tiny vocabularies for generated models: one like SentencePiece ("spm", as in Llama 2) and one with
// byte-level BPE ("bpe", as in GPT-2). Both can spell every byte; special tokens have fixed ids.

import type { GgufValue } from "./gguf-writer.ts";

export type TinyTokenizer = "spm" | "bpe";

export interface TinyVocabulary {
  readonly size: number;
  readonly bosId: number;
  readonly eosId: number;
  /** End of a chat turn, which also ends generation. */
  readonly imEndId: number;
  readonly imStartId: number;
  readonly metadata: ReadonlyMap<string, GgufValue>;
}

/** GGUF's token types. */
export const NORMAL = 1;
export const UNKNOWN = 2;
export const CONTROL = 3;
export const USER_DEFINED = 4;
const UNUSED = 5;
export const BYTE = 6;

export interface Entry {
  readonly text: string;
  readonly type: number;
}

const MERGES = ["t h", "th e", "i n", "e r", "o n", "h e", "l l", "a n"];
const LETTERS = Array.from("abcdefghijklmnopqrstuvwxyz");
const CHAT_MARKERS: readonly Entry[] = [
  { text: "<|im_start|>", type: CONTROL },
  { text: "<|im_end|>", type: CONTROL },
  { text: "<unused0>", type: UNUSED },
];

/** @param addBos whether the tokenizer prepends BOS */
export function tinyVocabulary(kind: TinyTokenizer, addBos: boolean): TinyVocabulary {
  return kind === "spm" ? spmVocabulary(addBos) : bpeVocabulary(addBos);
}

/** 298 tokens: 0 unknown, 1 BOS, 2 EOS, [3, 259) bytes, then letters, merges, and markers. */
function spmVocabulary(addBos: boolean): TinyVocabulary {
  const entries: Entry[] = [
    { text: "<unk>", type: UNKNOWN },
    { text: "<s>", type: CONTROL },
    { text: "</s>", type: CONTROL },
  ];
  entries.push(...byteEntries());
  for (const text of ["▁", ...LETTERS, ...MERGES.map(joined), "▁the"]) {
    entries.push({ text, type: NORMAL });
  }
  entries.push(...CHAT_MARKERS);
  const scores = entries.map((_, id) => -id);
  return vocabularyOf(entries, 1, 2, [
    ["tokenizer.ggml.model", ["string", "llama"]],
    ["tokenizer.ggml.scores", ["f32[]", scores]],
    ["tokenizer.ggml.unknown_token_id", ["u32", 0]],
    ["tokenizer.ggml.add_bos_token", ["bool", addBos]],
  ]);
}

/** 269 tokens: [0, 256) bytes in byte order, then merges, 264 BOS, 265 EOS, and markers. */
function bpeVocabulary(addBos: boolean): TinyVocabulary {
  const entries: Entry[] = byteCharacters().map((text) => ({ text, type: NORMAL }));
  for (const merge of MERGES) entries.push({ text: joined(merge), type: NORMAL });
  const bosId = entries.length;
  entries.push({ text: "<|begin|>", type: CONTROL }, { text: "<|endoftext|>", type: CONTROL });
  entries.push(...CHAT_MARKERS);
  return vocabularyOf(entries, bosId, bosId + 1, [
    ["tokenizer.ggml.model", ["string", "gpt2"]],
    ["tokenizer.ggml.pre", ["string", "gpt-2"]],
    ["tokenizer.ggml.merges", ["string[]", MERGES]],
    ["tokenizer.ggml.add_bos_token", ["bool", addBos]],
  ]);
}

/** "<0x00>" to "<0xFF>", SentencePiece's tokens for single bytes. */
export function byteEntries(): Entry[] {
  return Array.from({ length: 256 }, (_, byte) => {
    const hex = byte.toString(16).toUpperCase().padStart(2, "0");
    return { text: `<0x${hex}>`, type: BYTE };
  });
}

/** @param metadata entries for this kind of tokenizer; later keys replace earlier ones */
export function vocabularyOf(
  entries: readonly Entry[],
  bosId: number,
  eosId: number,
  metadata: readonly (readonly [string, GgufValue])[],
): TinyVocabulary {
  const texts = entries.map((entry) => entry.text);
  return {
    size: entries.length,
    bosId,
    eosId,
    imStartId: texts.indexOf("<|im_start|>"),
    imEndId: texts.indexOf("<|im_end|>"),
    metadata: new Map<string, GgufValue>([
      ["tokenizer.ggml.tokens", ["string[]", texts]],
      ["tokenizer.ggml.token_type", ["i32[]", entries.map((entry) => entry.type)]],
      ["tokenizer.ggml.token_type_count", ["u32", 2]],
      ["tokenizer.ggml.bos_token_id", ["u32", bosId]],
      ["tokenizer.ggml.eos_token_id", ["u32", eosId]],
      ...metadata,
    ]),
  };
}

function joined(merge: string): string {
  return merge.replace(" ", "");
}

/**
 * GPT-2's visible substitute for each byte: printable Latin-1 is unchanged, and all others map to 256 and
 * up.
 */
export function byteCharacters(): string[] {
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => {
    const visible =
      (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || (byte >= 174 && byte <= 255);
    return String.fromCharCode(visible ? byte : next++);
  });
}
