// The library's description of a loaded model.

import type { LoadedEngine } from "./load.ts";

/** Properties of a loaded model. */
export interface ModelCard {
  /** Name used in responses and metrics. */
  readonly name: string;
  /** Path of the GGUF file, or of the first part of a split model. */
  readonly path: string;
  /** Architecture named in the file, such as "llama". */
  readonly architecture: string;
  /** File type in llama.cpp's terms, such as "Q4_1". */
  readonly quantization: string;
  /** Maximum number of tokens in a prompt and its output together. */
  readonly contextLength: number;
  /** Size of the vocabulary; token IDs are in [0, vocabSize). */
  readonly vocabSize: number;
  /** Token IDs that end an output, in ascending order. */
  readonly eosTokenIds: readonly number[];
  /** True if the file contains a chat template or the chatTemplate option is set. */
  readonly hasChatTemplate: boolean;
  /** Compute device, such as "CPU, avx512bf16 attention, 2 threads". */
  readonly device: string;
  /** Number of tokens per KV block. */
  readonly blockSize: number;
  /** Number of KV blocks, including the null block. */
  readonly numBlocks: number;
  /** Memory in use after loading, in bytes. */
  readonly memory: { readonly weights: number; readonly kv: number; readonly scratch: number };
}

export function modelCard({ client: { info }, name, path }: LoadedEngine): ModelCard {
  const { model, memory, maxModelLen, blockSize, numBlocks } = info;
  const { architecture, quantization, vocabSize, eosTokenIds, hasChatTemplate, device } = model;
  return {
    name,
    path,
    architecture,
    quantization,
    contextLength: maxModelLen,
    vocabSize,
    eosTokenIds,
    hasChatTemplate,
    device,
    blockSize,
    numBlocks,
    memory,
  };
}
