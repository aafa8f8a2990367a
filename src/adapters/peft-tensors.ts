// Pairs the tensors of a PEFT adapter: for each weight, A (rank x inputs) and B (outputs x rank).

import { AdapterError } from "./adapter-error.ts";
import { unsupported } from "./peft-config.ts";
import { type StoredTensor, shown } from "./safetensors.ts";
import { weightName } from "./weight-names.ts";

export interface TensorPair {
  /** Name of the module in Hugging Face's model. */
  readonly module: string;
  /** llama.cpp's name of the weight. */
  readonly weight: string;
  readonly a: StoredTensor;
  readonly b: StoredTensor;
  readonly rank: number;
}

/** "q_proj.lora_A.weight", "q_proj.lora_A.default.weight" or "embed_tokens.lora_embedding_A". */
const PART = /^(.+)\.lora_(?:embedding_)?([AB])(?:\.\w+)?(?:\.weight)?$/;

/** @throws AdapterError "adapter_tensor" or "adapter_unsupported" */
export function tensorPairs(tensors: readonly StoredTensor[]): TensorPair[] {
  const parts = new Map<string, { a?: StoredTensor; b?: StoredTensor }>();
  for (const tensor of tensors) {
    const [, module, side] = PART.exec(tensor.name) ?? [];
    if (module === undefined || tensor.name.endsWith(".bias")) throw strangeTensor(tensor.name);
    const pair = parts.get(module) ?? {};
    parts.set(module, { ...pair, [side === "A" ? "a" : "b"]: tensor });
  }
  if (parts.size === 0) throw new AdapterError("adapter_tensor", "the adapter has no tensors");
  return [...parts].map(([module, { a, b }]) => pairOf(module, a, b));
}

function pairOf(module: string, a?: StoredTensor, b?: StoredTensor): TensorPair {
  if (a === undefined || b === undefined) {
    const text = `${shown(module)} has only one of lora_A and lora_B`;
    throw new AdapterError("adapter_tensor", text);
  }
  const [rank = 0] = a.shape;
  if (a.shape.length !== 2 || b.shape.length !== 2 || b.shape[1] !== rank) {
    const shapes = `[${a.shape}] and [${b.shape}]`;
    const text = `${shown(module)} has matrices of shapes ${shapes}, which do not fit together`;
    throw new AdapterError("adapter_tensor", text);
  }
  return { module, weight: weightName(module), a, b, rank };
}

function strangeTensor(name: string): AdapterError {
  if (name.includes("lora_magnitude_vector")) return unsupported("DoRA");
  if (name.endsWith(".bias")) return unsupported(`a trained bias (${shown(name)})`);
  if (/\.(embed_tokens|lm_head)\.|modules_to_save/.test(name))
    return unsupported(`a saved weight (${shown(name)}), which replaces the model's,`);
  const text = `tensor ${shown(name)} is neither lora_A nor lora_B`;
  return new AdapterError("adapter_tensor", text);
}
