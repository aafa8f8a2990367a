// Names of the weights that LoRA adapters change: Hugging Face's modules and llama.cpp's tensors. Covers only
// architectures whose weights llama.cpp keeps unchanged, except for the order of the rows of q and k.

import { AdapterError } from "./adapter-error.ts";
import { shown } from "./safetensors.ts";

const LAYER_WEIGHTS: Readonly<Record<string, string>> = {
  "self_attn.q_proj": "attn_q",
  "self_attn.k_proj": "attn_k",
  "self_attn.v_proj": "attn_v",
  "self_attn.o_proj": "attn_output",
  "self_attn.qkv_proj": "attn_qkv",
  "mlp.gate_proj": "ffn_gate",
  "mlp.up_proj": "ffn_up",
  "mlp.gate_up_proj": "ffn_up",
  "mlp.down_proj": "ffn_down",
};

/** Weights outside the layers. */
const OTHER_WEIGHTS: Readonly<Record<string, string>> = {
  embed_tokens: "token_embd",
  lm_head: "output",
};

/** Architectures, by whether llama.cpp's converter reorders the rows of q and k for its kind of RoPE. */
const REORDERS: Readonly<Record<string, boolean>> = {
  llama: true,
  granite: true,
  qwen2: false,
  qwen3: false,
  gemma: false,
  gemma2: false,
  gemma3: false,
  phi3: false,
};

/** @throws AdapterError "adapter_unsupported" */
export function checkArchitecture(architecture: string): void {
  if (Object.hasOwn(REORDERS, architecture)) return;
  const known = Object.keys(REORDERS).join(", ");
  throw new AdapterError(
    "adapter_unsupported",
    `PEFT folders are supported for ${known}, but the model is a ${architecture}; convert the adapter with ` +
      "llama.cpp's convert_lora_to_gguf.py",
  );
}

/** @returns which heads' rows llama.cpp reorders in a weight: those of queries or keys; null = none */
export function reorderedHeads(architecture: string, weight: string): "q" | "k" | null {
  if (REORDERS[architecture] !== true) return null;
  if (weight.endsWith(".attn_q.weight")) return "q";
  return weight.endsWith(".attn_k.weight") ? "k" : null;
}

/**
 * @param module Hugging Face's name, such as "base_model.model.model.layers.0.self_attn.q_proj"
 * @returns llama.cpp's name, such as "blk.0.attn_q.weight"
 * @throws AdapterError "adapter_tensor"
 */
export function weightName(module: string): string {
  const [, layer, rest = ""] = /(?:^|\.)layers\.(\d+)\.(.+)$/.exec(module) ?? [];
  const known = layer === undefined ? OTHER_WEIGHTS : LAYER_WEIGHTS;
  const key = layer === undefined ? (module.split(".").at(-1) ?? "") : rest;
  if (!Object.hasOwn(known, key)) {
    const text = `the adapter changes ${shown(module)}, which cannot be adapted`;
    throw new AdapterError("adapter_tensor", text);
  }
  return `${layer === undefined ? "" : `blk.${layer}.`}${known[key]}.weight`;
}
