// Facts about a model's tokenizer, read from the header of its GGUF file.

import type { GgufValue } from "./gguf-header.ts";

/** GGUF keys of special tokens, by their names in tokenizer_config.json. */
const SPECIAL_TOKENS = {
  bos_token: "bos_token_id",
  eos_token: "eos_token_id",
  unk_token: "unknown_token_id",
  pad_token: "padding_token_id",
  sep_token: "seperator_token_id",
  mask_token: "mask_token_id",
} as const;

export type SpecialTokenName = keyof typeof SPECIAL_TOKENS;

export interface TokenizerFacts {
  /** Name of the class in Hugging Face's transformers. */
  readonly tokenizerClass: string;
  readonly specialTokenIds: Readonly<Partial<Record<SpecialTokenName, number>>>;
  /** Whether the tokenizer adds a BOS token. Like the next two, null if the file does not say. */
  readonly addsBos: boolean | null;
  readonly addsEos: boolean | null;
  readonly addsPrefixSpace: boolean | null;
  readonly chatTemplate: string | null;
}

/** Tokenizer classes by GGUF's tokenizer model. */
const CLASSES: Readonly<Record<string, string>> = {
  gpt2: "GPT2TokenizerFast",
  llama: "LlamaTokenizerFast",
  bert: "BertTokenizerFast",
  t5: "T5TokenizerFast",
};

export function tokenizerFacts(metadata: ReadonlyMap<string, GgufValue>): TokenizerFacts {
  const flag = (key: string) => {
    const value = metadata.get(`tokenizer.ggml.${key}`);
    return typeof value === "boolean" ? value : null;
  };
  const ids = Object.entries(SPECIAL_TOKENS).flatMap(([name, key]) => {
    const id = metadata.get(`tokenizer.ggml.${key}`);
    return typeof id === "number" ? [[name, id]] : [];
  });
  const template = metadata.get("tokenizer.chat_template");
  return {
    tokenizerClass:
      CLASSES[String(metadata.get("tokenizer.ggml.model"))] ?? "PreTrainedTokenizerFast",
    specialTokenIds: Object.fromEntries(ids),
    addsBos: flag("add_bos_token"),
    addsEos: flag("add_eos_token"),
    addsPrefixSpace: flag("add_space_prefix"),
    chatTemplate: typeof template === "string" ? template : null,
  };
}
