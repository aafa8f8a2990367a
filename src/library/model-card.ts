// What the library tells of a loaded model.

import type { LoadedEngine } from "./load.ts";

/** Facts of a loaded model. */
export interface ModelCard {
  /** In answers and metrics. */
  readonly name: string;
  /** The GGUF file; the first of a model in parts. */
  readonly path: string;
  /** As the file names it, e.g. "llama". */
  readonly architecture: string;
  /** File type as llama.cpp names it, e.g. "Q4_1". */
  readonly quantization: string;
  /** Most tokens of a prompt with its output. */
  readonly contextLength: number;
  /** Token ids are in [0, vocabSize). */
  readonly vocabSize: number;
  /** Ids that end an output, ascending. */
  readonly eosTokenIds: readonly number[];
  /** The file brings a chat template, or one was given. */
  readonly hasChatTemplate: boolean;
  /** Device that computes, e.g. "CPU, avx512bf16 attention, 2 threads". */
  readonly device: string;
  /** Tokens of a KV block. */
  readonly blockSize: number;
  /** KV blocks, the null block included. */
  readonly numBlocks: number;
  /** Bytes held after loading. */
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
