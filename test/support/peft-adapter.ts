// Adapters for the tiny models as PEFT saves them: the adapters of tiny-adapter.ts with Hugging Face's names and row
// order.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { encodeTensor, type GgufTensor } from "./gguf-writer.ts";
import { type TinyAdapterOptions, tinyAdapterTensors } from "./tiny-adapter.ts";
import type { TinyGgufOptions } from "./tiny-gguf.ts";

export interface PeftTensor {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

const MODULES: Readonly<Record<string, string>> = {
  attn_q: "self_attn.q_proj",
  attn_k: "self_attn.k_proj",
  attn_v: "self_attn.v_proj",
  attn_output: "self_attn.o_proj",
  ffn_gate: "mlp.gate_proj",
  ffn_up: "mlp.up_proj",
  ffn_down: "mlp.down_proj",
};

/** @param headSize size of the q and k heads; null = their rows are in the same order in both formats */
export function peftTensors(
  model: TinyGgufOptions = {},
  options: TinyAdapterOptions = {},
  headSize: number | null = null,
): PeftTensor[] {
  return tinyAdapterTensors(model, options).map((tensor) => peftTensor(tensor, headSize));
}

function peftTensor(tensor: GgufTensor, headSize: number | null): PeftTensor {
  const [, layer, weight, side] =
    /^(?:blk\.(\d+)\.)?(\w+)\.weight\.lora_([ab])$/.exec(tensor.name) ?? [];
  const shape = [...tensor.shape].reverse();
  const dtype = tensor.type;
  const upper = (side ?? "").toUpperCase();
  if (layer === undefined) {
    const name = `base_model.model.model.embed_tokens.lora_embedding_${upper}`;
    if (side === "b") return { name, dtype, shape, data: encodeTensor(tensor) };
    const flipped = { ...tensor, values: transpose(tensor.values, shape) };
    return { name, dtype, shape: shape.reverse(), data: encodeTensor(flipped) };
  }
  const module = MODULES[weight ?? ""] ?? "";
  const name = `base_model.model.model.layers.${layer}.${module}.lora_${upper}.weight`;
  const isReordered = headSize !== null && side === "b" && /attn_[qk]/.test(weight ?? "");
  const values = isReordered ? unordered(tensor.values, shape, headSize) : tensor.values;
  return { name, dtype, shape, data: encodeTensor({ ...tensor, values }) };
}

function transpose(values: Float32Array, [rows = 0, columns = 0]: readonly number[]): Float32Array {
  return values.map((_, i) => values[(i % rows) * columns + Math.floor(i / rows)] ?? 0);
}

/** Moves rows 0, 2, 4, ... of each head before rows 1, 3, 5, ... */
function unordered(
  values: Float32Array,
  [numRows = 0, width = 0]: readonly number[],
  headSize: number,
): Float32Array {
  const out = new Float32Array(values.length);
  for (let row = 0; row < numRows; row++) {
    const inHead = row % headSize;
    const to = row - inHead + (inHead % 2) * (headSize / 2) + Math.floor(inHead / 2);
    out.set(values.subarray(row * width, (row + 1) * width), to * width);
  }
  return out;
}

/** Writes a folder with both of an adapter's files. */
export function writePeftFolder(folder: string, config: object, tensors: readonly PeftTensor[]) {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "adapter_config.json"), JSON.stringify(config));
  writeFileSync(join(folder, "adapter_model.safetensors"), encodeSafetensors(tensors));
}

export function encodeSafetensors(tensors: readonly PeftTensor[]): Uint8Array {
  let offset = 0;
  const entries = tensors.map(({ name, dtype, shape, data }) => {
    const begin = offset;
    offset += data.length;
    return [name, { dtype, shape, data_offsets: [begin, offset] }];
  });
  const header = { __metadata__: { format: "pt" }, ...Object.fromEntries(entries) };
  return safetensorsOf(JSON.stringify(header), Buffer.concat(tensors.map(({ data }) => data)));
}

export function safetensorsOf(header: string, data: Uint8Array): Uint8Array {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(Buffer.byteLength(header)));
  return Buffer.concat([length, Buffer.from(header), data]);
}

/** A config as PEFT writes it, with only the members that Pagoda reads. */
export function peftConfig(more: object = {}): object {
  return {
    ...{ peft_type: "LORA", r: 8, lora_alpha: 16, bias: "none", task_type: "CAUSAL_LM" },
    ...{ use_rslora: false, use_dora: false, modules_to_save: null, fan_in_fan_out: false },
    ...{ rank_pattern: {}, alpha_pattern: {}, init_lora_weights: true, ...more },
  };
}
