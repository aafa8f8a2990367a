// A tiny model's tensors: names and shapes as llama.cpp's src/models/*.cpp expects them, values from
// one seeded random stream in a fixed order.

import type { GgufTensor, TensorType } from "./gguf-writer.ts";
import { Prng } from "./prng.ts";

/** Architectures, with the feature that each one covers in tests. */
export type TinyArchitecture =
  | "llama" // only grouped-query attention
  | "qwen3" // norms on queries and keys
  | "gemma2" // sliding window on every other layer, soft-cap on attention and logits
  | "gemma3" // sliding window, norms on queries and keys
  | "gpt-oss" // attention sinks, sliding window, experts
  | "graniteswitch" // LoRA adapters switched on by tokens, through an extra cache layer after the last one
  | "bloom" // ALiBi: scores fall with distance, with no other position information
  | "mamba" // recurrent state, no KV cache
  | "bert"; // encoder only: generation is impossible

/** Options that affect tensors; see TinyGgufOptions. */
export interface TinyShape {
  readonly architecture: TinyArchitecture;
  readonly vocabSize: number;
  readonly embeddingLength: number;
  readonly contextLength: number;
  readonly numLayers: number;
  readonly numHeads: number;
  readonly numKvHeads: number;
  readonly headSize: number;
  readonly weightType: TensorType;
  readonly seed: number;
  readonly nanTokenId: number | null;
  readonly nanLogitId: number | null;
}

type Dimensions = readonly [number, ...number[]];

export const FEED_FORWARD = 128;
export const NUM_EXPERTS = 2;
/** Rank 32, because quantized rows need a multiple of 32 elements. */
export const SWITCH = { adapters: 1, rank: 32 };
export const SSM = { conv: 4, state: 16, rank: 32 };

export function tinyTensors(shape: TinyShape): GgufTensor[] {
  return new TensorFactory(shape).all();
}

class TensorFactory {
  readonly #shape: TinyShape;
  readonly #prng: Prng;
  readonly #tensors: GgufTensor[] = [];

  constructor(shape: TinyShape) {
    this.#shape = shape;
    this.#prng = new Prng(shape.seed);
  }

  all(): GgufTensor[] {
    const { embeddingLength, vocabSize, architecture, numLayers } = this.#shape;
    this.#embedding(embeddingLength, vocabSize);
    if (architecture === "bert") this.#bertEmbeddings();
    else this.#norm("output_norm.weight", embeddingLength);
    if (architecture === "bloom") this.#bloomEmbeddings();
    // Gemma ties its output matrix to the embeddings; the other models have a separate one.
    if (!architecture.startsWith("gemma") && architecture !== "bert") {
      const values = this.#matrix("output.weight", [embeddingLength, vocabSize], 3);
      fillRow(values, embeddingLength, this.#shape.nanLogitId);
    }
    for (let layer = 0; layer < numLayers; layer++) this.#layer(`blk.${layer}.`);
    return this.#tensors;
  }

  #layer(prefix: string): void {
    const { architecture } = this.#shape;
    if (architecture === "mamba") this.#mambaLayer(prefix);
    else if (architecture === "bert") this.#bertLayer(prefix);
    else if (architecture === "bloom") this.#bloomLayer(prefix);
    else if (architecture === "graniteswitch") this.#switchLayer(prefix);
    else this.#decoderLayer(prefix);
  }

  #decoderLayer(prefix: string): void {
    const { architecture, embeddingLength: n, headSize, numHeads } = this.#shape;
    const isGemma = architecture.startsWith("gemma");
    this.#norm(`${prefix}attn_norm.weight`, n);
    this.#attention(prefix);
    if (architecture === "qwen3" || architecture === "gemma3") {
      this.#norm(`${prefix}attn_q_norm.weight`, headSize);
      this.#norm(`${prefix}attn_k_norm.weight`, headSize);
    }
    if (isGemma || architecture === "gpt-oss") this.#norm(`${prefix}post_attention_norm.weight`, n);
    if (architecture === "gpt-oss") {
      this.#vector(`${prefix}attn_sinks.weight`, numHeads);
      this.#experts(prefix);
      return;
    }
    this.#norm(`${prefix}ffn_norm.weight`, n);
    this.#matrix(`${prefix}ffn_gate.weight`, [n, FEED_FORWARD]);
    this.#matrix(`${prefix}ffn_up.weight`, [n, FEED_FORWARD]);
    this.#matrix(`${prefix}ffn_down.weight`, [FEED_FORWARD, n]);
    if (isGemma) this.#norm(`${prefix}post_ffw_norm.weight`, n);
  }

  #attention(prefix: string): void {
    const { architecture, embeddingLength: n, headSize, numHeads, numKvHeads } = this.#shape;
    this.#matrix(`${prefix}attn_q.weight`, [n, numHeads * headSize]);
    this.#matrix(`${prefix}attn_k.weight`, [n, numKvHeads * headSize]);
    this.#matrix(`${prefix}attn_v.weight`, [n, numKvHeads * headSize]);
    this.#matrix(`${prefix}attn_output.weight`, [numHeads * headSize, n]);
    if (architecture === "gpt-oss") this.#vector(`${prefix}attn_output.bias`, n);
  }

  #experts(prefix: string): void {
    const { embeddingLength: n } = this.#shape;
    this.#matrix(`${prefix}ffn_gate_inp.weight`, [n, NUM_EXPERTS]);
    this.#vector(`${prefix}ffn_gate_inp.bias`, NUM_EXPERTS);
    for (const name of ["ffn_gate_exps", "ffn_up_exps"]) {
      this.#matrix(`${prefix}${name}.weight`, [n, FEED_FORWARD, NUM_EXPERTS]);
      this.#vector(`${prefix}${name}.bias`, FEED_FORWARD, NUM_EXPERTS);
    }
    this.#matrix(`${prefix}ffn_down_exps.weight`, [FEED_FORWARD, n, NUM_EXPERTS]);
    this.#vector(`${prefix}ffn_down_exps.bias`, n, NUM_EXPERTS);
  }

  #mambaLayer(prefix: string): void {
    const { embeddingLength: n } = this.#shape;
    const inner = 2 * n;
    this.#norm(`${prefix}attn_norm.weight`, n);
    this.#matrix(`${prefix}ssm_in.weight`, [n, 2 * inner]);
    this.#vector(`${prefix}ssm_conv1d.weight`, SSM.conv, inner);
    this.#vector(`${prefix}ssm_conv1d.bias`, inner);
    this.#matrix(`${prefix}ssm_x.weight`, [inner, SSM.rank + 2 * SSM.state]);
    this.#matrix(`${prefix}ssm_dt.weight`, [SSM.rank, inner]);
    this.#vector(`${prefix}ssm_dt.bias`, inner);
    // The values are negative because the state would otherwise grow without bound.
    this.#add(`${prefix}ssm_a`, [SSM.state, inner], "F32", () => -Math.abs(this.#normal()) - 0.1);
    this.#vector(`${prefix}ssm_d`, inner);
    this.#matrix(`${prefix}ssm_out.weight`, [inner, n]);
  }

  #switchLayer(prefix: string): void {
    const { embeddingLength: n, headSize, numHeads, numKvHeads } = this.#shape;
    const [numQuery, numKey] = [numHeads * headSize, numKvHeads * headSize];
    this.#norm(`${prefix}attn_norm.weight`, n);
    this.#matrix(`${prefix}attn_qkv.weight`, [n, numQuery + 2 * numKey]);
    this.#norm(`${prefix}ffn_norm.weight`, n);
    this.#adapters(`${prefix}attn_q`, n, numQuery);
    for (const name of ["attn_k", "attn_v"]) this.#adapters(`${prefix}${name}`, n, numKey);
    for (const [name, from, to] of [
      ["attn_output", numQuery, n],
      ["ffn_gate", n, FEED_FORWARD],
      ["ffn_up", n, FEED_FORWARD],
      ["ffn_down", FEED_FORWARD, n],
    ] as const) {
      this.#matrix(`${prefix}${name}.weight`, [from, to]);
      this.#adapters(`${prefix}${name}`, from, to);
    }
  }

  /** Adds adapter slots; the first means "no adapter". */
  #adapters(name: string, from: number, to: number): void {
    const numSlots = SWITCH.adapters + 1;
    this.#matrix(`${name}.lora_a`, [from, SWITCH.rank, numSlots]);
    this.#matrix(`${name}.lora_b`, [SWITCH.rank, to, numSlots], 0.3).fill(0, 0, SWITCH.rank * to);
  }

  #bloomEmbeddings(): void {
    const { embeddingLength: n } = this.#shape;
    this.#vector("output_norm.bias", n);
    this.#norm("token_embd_norm.weight", n);
    this.#vector("token_embd_norm.bias", n);
  }

  #bloomLayer(prefix: string): void {
    const { embeddingLength: n } = this.#shape;
    for (const name of ["attn_norm", "ffn_norm"]) {
      this.#norm(`${prefix}${name}.weight`, n);
      this.#vector(`${prefix}${name}.bias`, n);
    }
    this.#matrix(`${prefix}attn_qkv.weight`, [n, 3 * n]);
    this.#vector(`${prefix}attn_qkv.bias`, 3 * n);
    this.#matrix(`${prefix}attn_output.weight`, [n, n]);
    this.#vector(`${prefix}attn_output.bias`, n);
    this.#matrix(`${prefix}ffn_up.weight`, [n, FEED_FORWARD]);
    this.#vector(`${prefix}ffn_up.bias`, FEED_FORWARD);
    this.#matrix(`${prefix}ffn_down.weight`, [FEED_FORWARD, n]);
    this.#vector(`${prefix}ffn_down.bias`, n);
  }

  #bertEmbeddings(): void {
    const { embeddingLength: n, contextLength } = this.#shape;
    this.#matrix("token_types.weight", [n, 2]);
    this.#matrix("position_embd.weight", [n, contextLength]);
    this.#norm("token_embd_norm.weight", n);
    this.#vector("token_embd_norm.bias", n);
  }

  #bertLayer(prefix: string): void {
    const { embeddingLength: n } = this.#shape;
    for (const name of ["attn_q", "attn_k", "attn_v", "attn_output"]) {
      this.#matrix(`${prefix}${name}.weight`, [n, n]);
      this.#vector(`${prefix}${name}.bias`, n);
    }
    this.#matrix(`${prefix}ffn_up.weight`, [n, FEED_FORWARD]);
    this.#vector(`${prefix}ffn_up.bias`, FEED_FORWARD);
    this.#matrix(`${prefix}ffn_down.weight`, [FEED_FORWARD, n]);
    this.#vector(`${prefix}ffn_down.bias`, n);
    for (const name of ["attn_output_norm", "layer_output_norm"]) {
      this.#norm(`${prefix}${name}.weight`, n);
      this.#vector(`${prefix}${name}.bias`, n);
    }
  }

  #embedding(n: number, vocabSize: number): void {
    const values = this.#matrix("token_embd.weight", [n, vocabSize]);
    fillRow(values, n, this.#shape.nanTokenId);
  }

  /** Values are scaled so that products with unit-variance rows have standard deviation `gain`. */
  #matrix(name: string, shape: Dimensions, gain = 1): Float32Array {
    const deviation = gain / Math.sqrt(shape[0]);
    return this.#add(name, shape, this.#shape.weightType, () => this.#normal() * deviation);
  }

  #vector(name: string, ...shape: Dimensions): void {
    this.#add(name, shape, "F32", () => this.#normal() * 0.1);
  }

  #norm(name: string, size: number): void {
    this.#add(name, [size], "F32", () => 1 + this.#normal() * 0.1);
  }

  #add(name: string, shape: Dimensions, type: TensorType, next: () => number): Float32Array {
    const length = shape.reduce((product, n) => product * n, 1);
    const values = Float32Array.from({ length }, next);
    this.#tensors.push({ name, shape, type, values });
    return values;
  }

  /** Approximately standard normal: the scaled sum of three uniforms. */
  #normal(): number {
    return (this.#prng.next() + this.#prng.next() + this.#prng.next() - 1.5) * 2;
  }
}

/** @param row null = none */
function fillRow(values: Float32Array, length: number, row: number | null): void {
  if (row !== null) values.fill(NaN, row * length, (row + 1) * length);
}
