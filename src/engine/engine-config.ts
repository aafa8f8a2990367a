// Everything an engine needs to start, as a plain record that can be sent to another process.

import type { ChatFormat } from "../protocol/message-parsing.ts";
import type { AttentionBackend } from "../protocol/model-info.ts";
import type { KvCacheType, WeightKernels } from "../runner/addon-types.ts";
import type { AdapterLimits } from "../scheduler/adapter-turns.ts";
import type { TargetInterTokenLatency } from "../scheduler/step-budget.ts";
import type { SchedulingPolicy } from "../scheduler/waiting-requests.ts";
import type { SpeculationConfig } from "../speculation/speculation-config.ts";

export interface LoraConfig extends AdapterLimits {
  /** Highest rank that an adapter can have. */
  readonly maxLoraRank: number;
}

export interface EngineConfig {
  /** Path of the GGUF file. */
  readonly modelPath: string;
  readonly kvCacheType: KvCacheType | "auto";
  /** Number of tokens in a KV block. */
  readonly blockSize: number;
  readonly maxNumSeqs: number;
  /** Maximum number of tokens in a step; at least maxNumSeqs. */
  readonly maxNumBatchedTokens: number;
  /** Maximum context, in tokens; null = the context that the model was trained on, limited by the KV cache. */
  readonly maxModelLen: number | null;
  /** Whether to allow a context longer than the one that the model was trained on. */
  readonly allowLongMaxModelLen: boolean;
  /** Size of the KV cache, in bytes; null = choose automatically. */
  readonly kvCacheMemoryBytes: number | null;
  readonly numBlocksOverride: number | null;
  readonly enablePrefixCaching: boolean;
  /** Text that seeds the block hashes; null = use a random seed. */
  readonly hashSeed: string | null;
  /** Fraction of block allocations whose residency is sampled, in (0, 1]; null = sample none. */
  readonly residencySampleRate: number | null;
  /** Maximum number of one request's tokens in a step; null = only the step's own limit applies. */
  readonly longPrefillTokenThreshold: number | null;
  /** Maximum number of requests that a step may leave partly computed; null = no limit. */
  readonly maxNumPartialPrefills: number | null;
  readonly targetInterTokenLatencyMs: TargetInterTokenLatency;
  /** Speculative decoding; null = off. */
  readonly speculation: SpeculationConfig | null;
  /** LoRA adapters; null = off. */
  readonly lora: LoraConfig | null;
  readonly policy: SchedulingPolicy;
  /** Random seed for requests that do not set one. */
  readonly seed: bigint;
  readonly numThreads: number;
  /** CPUs to bind threads to, int32 [n]; empty = do not bind threads. */
  readonly cpuAffinity: Int32Array;
  /** Polling level from 0 to 100; see LoadModelOptions. */
  readonly poll: number;
  /** "auto" = ggml if any layers are on a GPU, otherwise paged. */
  readonly attentionBackend: AttentionBackend | "auto";
  readonly weightKernels: WeightKernels;
  /** Number of layers to put on a GPU; null = all. */
  readonly numGpuLayers: number | null;
  /** Jinja template; empty = use the model's own. */
  readonly chatTemplate: string;
  /** Parsers for the model's output. */
  readonly chatFormat: ChatFormat;
  /** True if the chat template never mentions tools. Absent = false. */
  readonly templateIgnoresTools?: boolean;
}

/** An engine's environment: free memory, and callbacks for progress and log lines. */
export interface EngineHost {
  /** Bytes that can be used without swapping; null = unknown. */
  readonly availableBytes: number | null;
  /** Receives the fraction of the model that has been loaded, in [0, 1]. */
  readonly onLoadProgress: (share: number) => void;
  /** Writes one line to the log. */
  readonly log: (line: string) => void;
}
