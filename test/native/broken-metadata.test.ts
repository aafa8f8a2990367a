// Model files with invalid key values. Loading must either succeed or fail with a one-line error and a code;
// it must never crash the process. Each key gets each invalid value in turn.

import { afterAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { encodeGguf, type GgufValue } from "../support/gguf-writer.ts";
import { LOAD_CHILD } from "../support/load-in-child.ts";
import { tinyGguf } from "../support/tiny-gguf.ts";
import { tempFolder } from "../support/tiny-model.ts";

const folder = tempFolder();
afterAll(folder.remove);

const VALUES: readonly (GgufValue | null)[] = [
  null,
  ["u32", 0],
  ["u32", 0xffff_ffff],
  ["i32", -1],
  ["string", "foo"],
  ["f32", 0],
  ["f32", -1],
  ["f32", Number.NaN],
  ["bool", true],
  ["i32[]", []],
  ["i32[]", [99_999, 3]],
  ["string[]", ["a", "a"]],
];

/** Keys that llama.cpp reads, in addition to those of the tiny models. */
const FURTHER_KEYS = [
  ...["rope.scaling.type", "rope.scaling.factor", "rope.freq_base", "rope.dimension_sections"],
  ...["expert_count", "expert_used_count", "expert_group_count", "nextn_predict_layers"],
  ...["attention.sliding_window", "attention.sliding_window_pattern", "attention.shared_kv_layers"],
  ...["rope.dimension_count_swa", "attention.key_length_swa", "attention.value_length_swa"],
  ...["attention.key_length_mla", "vocab_size", "pooling_type", "leading_dense_block_count"],
];
const COMMON_KEYS = [
  ...["tokenizer.ggml.pre", "tokenizer.ggml.scores", "tokenizer.ggml.merges"],
  ...["tokenizer.ggml.precompiled_charsmap", "tokenizer.ggml.eot_token_id", "split.count"],
  ...["tokenizer.ggml.unknown_token_id", "general.alignment", "general.type", "general.file_type"],
];

const MODELS = [
  { architecture: "llama", tokenizer: "spm" },
  { architecture: "gemma3", tokenizer: "spm" },
  { architecture: "gpt-oss", tokenizer: "bpe" },
] as const;

/** @returns the paths of one file per key and invalid value */
function writeBroken(model: (typeof MODELS)[number]): string[] {
  const { metadata, tensors } = tinyGguf(model);
  const own = FURTHER_KEYS.map((key) => `${model.architecture}.${key}`);
  const keys = new Set([...metadata.keys(), ...own, ...COMMON_KEYS]);
  return [...keys].flatMap((key) =>
    VALUES.map((value, i) => {
      const changed = new Map(metadata);
      if (value === null) changed.delete(key);
      else changed.set(key, value);
      const path = join(folder.path, `${model.architecture}-${key}-${i}.gguf`);
      writeFileSync(path, encodeGguf(changed, tensors));
      return path;
    }),
  );
}

test.each(MODELS)(
  "$architecture: no value of any key crashes the process",
  (model) => {
    const paths = writeBroken(model);
    const { stdout, signalCode } = Bun.spawnSync([...LOAD_CHILD, ...paths], { stderr: "ignore" });
    const lines = stdout.toString().trimEnd().split("\n");
    // If the process crashed, it was loading the file after the last one it reported.
    expect([signalCode ?? null, paths[lines.length] ?? null]).toEqual([null, null]);
    const outcomes = lines.map((line) => line.split("\t")[1] ?? "");
    const odd = outcomes.filter(
      (outcome) => !/^(served|(model_\w+|out_of_memory|invalid_argument): .+)$/.test(outcome),
    );
    expect([...new Set(odd)]).toEqual([]);
    expect(outcomes.filter((outcome) => outcome.startsWith("model_")).length).toBeGreaterThan(200);
  },
  120_000,
);
