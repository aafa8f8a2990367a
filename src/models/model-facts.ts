// Facts about a model for display, all read from the header of its GGUF file.

import type { GgufHeader, GgufValue } from "./gguf-header.ts";

export interface ModelFacts {
  readonly architecture: string;
  readonly name: string | null;
  /** Type that makes up the largest share of the weights. */
  readonly quantization: string;
  readonly parameters: number;
  readonly fileBytes: number;
  readonly contextLength: number | null;
  readonly layers: number | null;
  readonly embeddingLength: number | null;
  readonly heads: number | null;
  readonly kvHeads: number | null;
  readonly vocabulary: number | null;
  /** Bytes of K and V per token in all layers, in f16; null if the header lacks the sizes. */
  readonly kvBytesPerToken: number | null;
  readonly slidingWindow: number | null;
  readonly tokenizer: string | null;
  readonly license: string | null;
  readonly chatTemplate: string | null;
  /** Number of tensors by type. */
  readonly tensorTypes: Readonly<Record<string, number>>;
  readonly ggufVersion: number;
}

export function modelFacts({ metadata, tensors, fileBytes, version }: GgufHeader): ModelFacts {
  const text = (key: string) => textOf(metadata.get(key));
  const architecture = text("general.architecture") ?? "unknown";
  const number = (key: string) => numberOf(metadata.get(`${architecture}.${key}`));
  const tensorTypes: Record<string, number> = {};
  const elements: Record<string, number> = {};
  for (const { type, shape } of tensors) {
    const name = TYPE_NAMES[type] ?? `type ${type}`;
    tensorTypes[name] = (tensorTypes[name] ?? 0) + 1;
    elements[name] = (elements[name] ?? 0) + shape.reduce((product, size) => product * size, 1);
  }
  const bySize = Object.entries(elements).sort(([, a], [, b]) => b - a);
  return {
    architecture,
    name: text("general.name"),
    quantization: bySize[0]?.[0] ?? "none",
    parameters: bySize.reduce((sum, [, count]) => sum + count, 0),
    fileBytes,
    contextLength: number("context_length"),
    layers: number("block_count"),
    embeddingLength: number("embedding_length"),
    heads: number("attention.head_count"),
    kvHeads: number("attention.head_count_kv"),
    vocabulary: lengthOf(metadata.get("tokenizer.ggml.tokens")),
    kvBytesPerToken: kvBytesPerToken(metadata, architecture),
    slidingWindow: number("attention.sliding_window"),
    tokenizer: text("tokenizer.ggml.model"),
    license: text("general.license"),
    chatTemplate: text("tokenizer.chat_template"),
    tensorTypes,
    ggufVersion: version,
  };
}

/**
 * Maximum number of layers that llama.cpp loads (LLAMA_MAX_LAYERS). A header with a larger number
 * is wrong.
 */
const MAX_LAYERS = 512;

/** @returns heads x (key length + value length), summed over the layers, as in the addon's memory plan */
function kvBytesPerToken(
  metadata: ReadonlyMap<string, GgufValue>,
  architecture: string,
): number | null {
  const at = (key: string, layer: number) => {
    const value = metadata.get(`${architecture}.${key}`);
    return numberOf(Array.isArray(value) ? value[layer] : value);
  };
  const layers = at("block_count", 0);
  if (layers === null || layers > MAX_LAYERS) return null;
  let elements = 0;
  for (let layer = 0; layer < layers; layer++) {
    const heads = at("attention.head_count", layer);
    const kvHeads = at("attention.head_count_kv", layer) ?? heads;
    if (heads === null || kvHeads === null) return null;
    const headDim = Math.floor((at("embedding_length", layer) ?? 0) / Math.max(1, heads));
    const keyLength = at("attention.key_length", layer) ?? headDim;
    const valueLength = at("attention.value_length", layer) ?? headDim;
    elements += kvHeads * (keyLength + valueLength);
  }
  return elements * Float16Array.BYTES_PER_ELEMENT;
}

function textOf(value: GgufValue | undefined): string | null {
  return typeof value === "string" ? value : null;
}

/** @returns the number, or the largest number in an array, since layers can differ; null if it is not finite */
function numberOf(value: GgufValue | undefined): number | null {
  const numbers = Array.isArray(value) ? value : [value];
  const isNumeric = numbers.every((one) => typeof one === "number" || typeof one === "bigint");
  const largest = isNumeric ? Math.max(...numbers.map(Number)) : Number.NaN;
  return Number.isFinite(largest) ? largest : null;
}

function lengthOf(value: GgufValue | undefined): number | null {
  return typeof value === "object" ? value.length : null;
}

/** Names of ggml's tensor types by number. */
const TYPE_NAMES: Readonly<Record<number, string>> = {
  0: "F32",
  1: "F16",
  2: "Q4_0",
  3: "Q4_1",
  6: "Q5_0",
  7: "Q5_1",
  8: "Q8_0",
  9: "Q8_1",
  10: "Q2_K",
  11: "Q3_K",
  12: "Q4_K",
  13: "Q5_K",
  14: "Q6_K",
  15: "Q8_K",
  16: "IQ2_XXS",
  17: "IQ2_XS",
  18: "IQ3_XXS",
  19: "IQ1_S",
  20: "IQ4_NL",
  21: "IQ3_S",
  22: "IQ2_S",
  23: "IQ4_XS",
  24: "I8",
  25: "I16",
  26: "I32",
  27: "I64",
  28: "F64",
  29: "IQ1_M",
  30: "BF16",
  34: "TQ1_0",
  35: "TQ2_0",
  39: "MXFP4",
  40: "NVFP4",
  41: "Q1_0",
  42: "Q2_0",
};
