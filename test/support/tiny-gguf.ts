// Generates tiny models with random weights that llama.cpp can load, so tests of the addon need no download
// and can choose an architecture. The same options always yield the same bytes. Tensor names and shapes
// follow each architecture's file in llama.cpp's src/models.

import { writeFileSync } from "node:fs";
import { encodeGguf, type GgufValue, type TensorType } from "./gguf-writer.ts";
import {
  FEED_FORWARD,
  NUM_EXPERTS,
  SSM,
  SWITCH,
  type TinyArchitecture,
  tinyTensors,
} from "./tiny-tensors.ts";
import { type TinyTokenizer, type TinyVocabulary, tinyVocabulary } from "./tiny-vocabulary.ts";

export type TinyFault = "truncated" | "wrong-magic" | "unknown-architecture";

export interface TinyGgufOptions {
  readonly architecture?: TinyArchitecture;
  readonly tokenizer?: TinyTokenizer | TinyVocabulary;
  readonly addBos?: boolean;
  /** Jinja source; null = the model has no template. */
  readonly chatTemplate?: string | null;
  readonly numLayers?: number;
  readonly numHeads?: number;
  readonly numKvHeads?: number;
  readonly headSize?: number;
  /** Width of the hidden state; a multiple of 32. */
  readonly embeddingLength?: number;
  readonly contextLength?: number;
  /** Window size in tokens, for architectures with a sliding window. */
  readonly slidingWindow?: number;
  /** Type of matrices; vectors are always F32. */
  readonly weightType?: TensorType;
  readonly seed?: number;
  /** Token whose embedding is NaN, which makes exactly the rows after it NaN. */
  readonly nanTokenId?: number | null;
  /** Token whose row in the output matrix is NaN, which makes this token's logit NaN in all rows. */
  readonly nanLogitId?: number | null;
  readonly fault?: TinyFault | null;
}

export const TINY_CHAT_TEMPLATE =
  "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n" +
  "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

/** Token that enables the adapter in "graniteswitch"; the model embeds the next token ID in its place. */
export const SWITCH_TOKEN_ID = 50;

const DEFAULTS: Required<TinyGgufOptions> = {
  architecture: "llama",
  tokenizer: "spm",
  addBos: true,
  chatTemplate: TINY_CHAT_TEMPLATE,
  numLayers: 2,
  numHeads: 4,
  numKvHeads: 2,
  headSize: 64,
  embeddingLength: 64,
  contextLength: 512,
  slidingWindow: 32,
  weightType: "F32",
  seed: 1,
  nanTokenId: null,
  nanLogitId: null,
  fault: null,
};

/** Writes the model to `path`. @returns its vocabulary, with the ids of the special tokens */
export function writeTinyGguf(path: string, options: TinyGgufOptions = {}): TinyVocabulary {
  const { metadata, tensors, vocabulary } = tinyGguf(options);
  writeFileSync(path, damaged(encodeGguf(metadata, tensors), options.fault ?? null));
  return vocabulary;
}

/** Contents of the model file, for tests that change them before writing. */
export function tinyGguf(options: TinyGgufOptions = {}) {
  const chosen = { ...DEFAULTS, ...options };
  const { tokenizer, addBos } = chosen;
  const vocabulary = typeof tokenizer === "string" ? tinyVocabulary(tokenizer, addBos) : tokenizer;
  const metadata = new Map([...modelMetadata(chosen), ...vocabulary.metadata]);
  const tensors = tinyTensors({ ...chosen, vocabSize: vocabulary.size });
  return { metadata, tensors, vocabulary };
}

function damaged(file: Uint8Array, fault: TinyFault | null): Uint8Array {
  if (fault === "truncated") return file.subarray(0, Math.floor(file.length * 0.6));
  if (fault === "wrong-magic") file.set(new TextEncoder().encode("GGML"));
  return file;
}

function modelMetadata(shape: Required<TinyGgufOptions>): Map<string, GgufValue> {
  const arch = shape.fault === "unknown-architecture" ? "pagoda-unknown" : shape.architecture;
  const own: Record<string, GgufValue> = {
    context_length: ["u32", shape.contextLength],
    embedding_length: ["u32", shape.embeddingLength],
    block_count: ["u32", shape.numLayers],
    "attention.layer_norm_rms_epsilon": ["f32", 1e-5],
    ...(shape.architecture === "mamba" ? recurrentKeys(shape) : attentionKeys(shape)),
    ...architectureKeys(shape),
  };
  const metadata = new Map<string, GgufValue>([
    ["general.architecture", ["string", arch]],
    ["general.name", ["string", `tiny ${arch}`]],
  ]);
  for (const [key, value] of Object.entries(own)) metadata.set(`${arch}.${key}`, value);
  if (shape.chatTemplate !== null) {
    metadata.set("tokenizer.chat_template", ["string", shape.chatTemplate]);
  }
  return metadata;
}

function attentionKeys(shape: Required<TinyGgufOptions>): Record<string, GgufValue> {
  // In these two architectures, the heads make up the hidden state.
  const isFull = shape.architecture === "bert" || shape.architecture === "bloom";
  const headSize = isFull ? shape.embeddingLength / shape.numHeads : shape.headSize;
  return {
    feed_forward_length: ["u32", FEED_FORWARD],
    "attention.head_count": ["u32", shape.numHeads],
    "attention.head_count_kv": ["u32", isFull ? shape.numHeads : shape.numKvHeads],
    "attention.key_length": ["u32", headSize],
    "attention.value_length": ["u32", headSize],
    "rope.dimension_count": ["u32", headSize],
  };
}

function recurrentKeys(shape: Required<TinyGgufOptions>): Record<string, GgufValue> {
  return {
    "ssm.conv_kernel": ["u32", SSM.conv],
    "ssm.inner_size": ["u32", 2 * shape.embeddingLength],
    "ssm.state_size": ["u32", SSM.state],
    "ssm.time_step_rank": ["u32", SSM.rank],
  };
}

function architectureKeys(shape: Required<TinyGgufOptions>): Record<string, GgufValue> {
  const window: GgufValue = ["u32", shape.slidingWindow];
  switch (shape.architecture) {
    case "gemma2":
      return {
        "attention.sliding_window": window,
        // Far below the real values of 50 and 30, so that the caps affect these small scores.
        attn_logit_softcapping: ["f32", 2],
        final_logit_softcapping: ["f32", 10],
      };
    case "gemma3":
      return {
        "attention.sliding_window": window,
        // In the real pattern, only every sixth layer has full attention; a two-layer model would have none.
        "attention.sliding_window_pattern": ["bool[]", everyOther(shape.numLayers)],
      };
    case "gpt-oss":
      return {
        "attention.sliding_window": window,
        expert_count: ["u32", NUM_EXPERTS],
        expert_used_count: ["u32", 1],
        expert_feed_forward_length: ["u32", FEED_FORWARD],
      };
    case "graniteswitch":
      return {
        logit_scale: ["f32", 1],
        "adapters.count": ["u32", SWITCH.adapters],
        "adapters.lora_rank": ["u32", SWITCH.rank],
        "adapters.token_ids_activate": ["i32[]", [SWITCH_TOKEN_ID]],
        "adapters.token_ids_substitute": ["i32[]", [SWITCH_TOKEN_ID + 1]],
      };
    case "bloom":
      return { "attention.layer_norm_epsilon": ["f32", 1e-5] };
    case "bert":
      return { "attention.causal": ["bool", false], "attention.layer_norm_epsilon": ["f32", 1e-5] };
    default:
      return {};
  }
}

/** Layers 0, 2, 4... use the sliding window. */
function everyOther(numLayers: number): boolean[] {
  return Array.from({ length: numLayers }, (_, layer) => layer % 2 === 0);
}
