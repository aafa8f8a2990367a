// A model with exactly the logits that a test chooses: after token t, the logits are row t. The model's only
// layer adds nothing, the hidden state is one-hot, and the output matrix holds the rows.

import { writeFileSync } from "node:fs";
import { encodeGguf, type GgufTensor, type GgufValue } from "./gguf-writer.ts";
import { tinyVocabulary } from "./tiny-vocabulary.ts";

/** Number of rows per model, which equals the width of the hidden state. */
export const NUM_LOGIT_ROWS = 16;

const UNUSED = 5;
const FEED_FORWARD = 16;

/** @param rows [NUM_LOGIT_ROWS][vocabSize >= 298] finite float32 */
export function writeLogitsModel(path: string, rows: readonly Float32Array[]): void {
  const vocabSize = rows[0]?.length ?? 0;
  writeFileSync(path, encodeGguf(metadataOf(vocabSize), tensorsOf(rows, vocabSize)));
}

function metadataOf(vocabSize: number): Map<string, GgufValue> {
  const n = NUM_LOGIT_ROWS;
  return new Map<string, GgufValue>([
    ["general.architecture", ["string", "llama"]],
    ["general.name", ["string", "chosen logits"]],
    ["llama.context_length", ["u32", 512]],
    ["llama.embedding_length", ["u32", n]],
    ["llama.block_count", ["u32", 1]],
    ["llama.feed_forward_length", ["u32", FEED_FORWARD]],
    ["llama.attention.head_count", ["u32", 1]],
    ["llama.attention.head_count_kv", ["u32", 1]],
    ["llama.attention.key_length", ["u32", n]],
    ["llama.attention.value_length", ["u32", n]],
    ["llama.rope.dimension_count", ["u32", n]],
    // So small that 1 + epsilon equals 1, which keeps normalization from rounding.
    ["llama.attention.layer_norm_rms_epsilon", ["f32", 1e-30]],
    ...paddedVocabulary(vocabSize),
  ]);
}

/** The tiny vocabulary, padded with unused tokens. */
function paddedVocabulary(vocabSize: number): Map<string, GgufValue> {
  const { size, metadata } = tinyVocabulary("spm", true);
  const fill = Array.from({ length: vocabSize - size }, (_, i) => size + i);
  const append = <T>(key: string, values: readonly T[]) => [
    ...((metadata.get(key)?.[1] ?? []) as readonly T[]),
    ...values,
  ];
  const tokens = append(
    "tokenizer.ggml.tokens",
    fill.map((id) => `<fill${id}>`),
  );
  const types = append(
    "tokenizer.ggml.token_type",
    fill.map(() => UNUSED),
  );
  const scores = append(
    "tokenizer.ggml.scores",
    fill.map((id) => -id),
  );
  return new Map<string, GgufValue>([
    ...metadata,
    ["tokenizer.ggml.tokens", ["string[]", tokens]],
    ["tokenizer.ggml.token_type", ["i32[]", types]],
    ["tokenizer.ggml.scores", ["f32[]", scores]],
  ]);
}

function tensorsOf(rows: readonly Float32Array[], vocabSize: number): GgufTensor[] {
  const n = NUM_LOGIT_ROWS;
  const make = (name: string, shape: number[], value: (i: number) => number): GgufTensor => {
    const length = shape.reduce((product, size) => product * size, 1);
    return { name, shape, type: "F32", values: Float32Array.from({ length }, (_, i) => value(i)) };
  };
  // A one-hot vector times the square root of n has a mean square of 1; the output norm divides by that root
  // again.
  const root = Math.sqrt(n);
  const isOneHot = (i: number) => Math.floor(i / n) === i % n;
  const zero = () => 0;
  const one = () => 1;
  return [
    make("token_embd.weight", [n, vocabSize], (i) => (isOneHot(i) ? root : 0)),
    make("output_norm.weight", [n], () => 1 / root),
    make("output.weight", [n, vocabSize], (i) => rows[i % n]?.[Math.floor(i / n)] ?? 0),
    make("blk.0.attn_norm.weight", [n], one),
    make("blk.0.attn_q.weight", [n, n], zero),
    make("blk.0.attn_k.weight", [n, n], zero),
    make("blk.0.attn_v.weight", [n, n], zero),
    make("blk.0.attn_output.weight", [n, n], zero),
    make("blk.0.ffn_norm.weight", [n], one),
    make("blk.0.ffn_gate.weight", [n, FEED_FORWARD], zero),
    make("blk.0.ffn_up.weight", [n, FEED_FORWARD], zero),
    make("blk.0.ffn_down.weight", [FEED_FORWARD, n], zero),
  ];
}
