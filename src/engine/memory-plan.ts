// Computes the size of the KV cache and the maximum length of requests from the model's header, the options and
// the machine's free memory.

import { ConfigError } from "../errors.ts";

export interface MemoryPlanInput {
  readonly weightBytes: number;
  readonly kvBytesPerToken: number;
  readonly trainedContextLength: number;
  /** Free memory, in bytes; null = unknown. */
  readonly availableBytes: number | null;
  readonly blockSize: number;
  readonly maxNumSeqs: number;
  /** Value of --max-model-len; null = choose automatically. */
  readonly maxModelLen: number | null;
  /** Whether to allow a context longer than the one that the model was trained on. */
  readonly allowLongMaxModelLen: boolean;
  readonly kvCacheMemoryBytes: number | null;
  readonly numBlocksOverride: number | null;
}

export interface MemoryPlan {
  /** Number of blocks, including the null block. */
  readonly numBlocks: number;
  readonly maxModelLen: number;
  /** Maximum number of sequences, at most one per block, because each running sequence writes to its own last block. */
  readonly maxNumSeqs: number;
  readonly kvBytes: number;
}

const GIB = 1024 ** 3;
/** Context used to size the default pool if the model's own context is longer or unknown. */
const DEFAULT_CONTEXT = 8192;

/**
 * @throws ConfigError "out_of_memory" if the requested sizes do not fit; the message states the sizes; "invalid_option"
 *   for a context longer than the model was trained on
 */
export function planMemory(input: MemoryPlanInput): MemoryPlan {
  checkContext(input);
  const trained = input.trainedContextLength > 0 ? input.trainedContextLength : DEFAULT_CONTEXT;
  const numBlocks = input.numBlocksOverride ?? blocksFor(input, trained);
  const capacity = (numBlocks - 1) * input.blockSize;
  const kvBytes = numBlocks * input.blockSize * input.kvBytesPerToken;
  if (input.maxModelLen !== null && input.maxModelLen > capacity) {
    throw new ConfigError(
      "out_of_memory",
      `--max-model-len ${input.maxModelLen} does not fit: the ${mib(kvBytes)} KV cache holds only ` +
        `${capacity} tokens; lower --max-model-len or raise --kv-cache-memory-bytes`,
    );
  }
  const { availableBytes } = input;
  if (availableBytes !== null && input.weightBytes + kvBytes > availableBytes) {
    throw new ConfigError(
      "out_of_memory",
      `the model needs ${mib(input.weightBytes)} for weights and ${mib(kvBytes)} for the KV cache, ` +
        `but only ${mib(availableBytes)} are free; lower --kv-cache-memory-bytes or --max-model-len`,
    );
  }
  const maxModelLen = input.maxModelLen ?? Math.min(trained, capacity);
  const maxNumSeqs = Math.min(input.maxNumSeqs, numBlocks - 1);
  return { numBlocks, maxModelLen, maxNumSeqs, kvBytes };
}

/** Like vLLM, refuses a context longer than the model was trained on, because output beyond that length is noise. */
function checkContext({ maxModelLen, trainedContextLength, ...input }: MemoryPlanInput): void {
  if (maxModelLen === null || trainedContextLength === 0 || input.allowLongMaxModelLen) return;
  if (maxModelLen <= trainedContextLength) return;
  throw new ConfigError(
    "invalid_option",
    `--max-model-len ${maxModelLen} exceeds the ${trainedContextLength} tokens that the model was ` +
      "trained on; lower it, or accept worse output with --allow-long-max-model-len",
  );
}

/** @returns the number of blocks that fit in the requested or default size, including the null block; at least two */
function blocksFor(input: MemoryPlanInput, trained: number): number {
  const blockBytes = input.blockSize * input.kvBytesPerToken;
  const bytes = input.kvCacheMemoryBytes ?? defaultBytes(input, trained);
  const numBlocks = Math.floor(bytes / blockBytes);
  if (numBlocks >= 2) return numBlocks;
  throw new ConfigError(
    "out_of_memory",
    `KV cache too small: ${bytes} bytes, but at least ${2 * blockBytes} are needed; raise --kv-cache-memory-bytes`,
  );
}

function defaultBytes(input: MemoryPlanInput, trained: number): number {
  const context = input.maxModelLen ?? Math.min(trained, DEFAULT_CONTEXT);
  const useful = (input.maxNumSeqs * context + input.blockSize) * input.kvBytesPerToken;
  const free = input.availableBytes ?? 8 * GIB;
  return Math.min(useful, 2 * GIB, Math.floor(free / 4));
}

export function mib(bytes: number): string {
  return `${Math.round(bytes / 1024 ** 2)} MiB`;
}
