// All that an engine is started from: one plain record, so that whoever starts it may live in another process.

import type { AttentionBackend } from "../protocol/model-info.ts";
import type { KvCacheType, WeightKernels } from "../runner/addon-types.ts";
import type { SchedulingPolicy } from "../scheduler/scheduler.ts";
import type { TargetInterTokenLatency } from "../scheduler/step-budget.ts";

export interface EngineConfig {
  /** GGUF file. */
  readonly modelPath: string;
  readonly kvCacheType: KvCacheType | "auto";
  /** Tokens of a KV block. */
  readonly blockSize: number;
  readonly maxNumSeqs: number;
  /** Tokens of a step; maxNumSeqs is at most this. */
  readonly maxNumBatchedTokens: number;
  /** Tokens; null = what the model was trained for, as far as the KV cache holds it. */
  readonly maxModelLen: number | null;
  /** Lets the context exceed what the model was trained for. */
  readonly allowLongMaxModelLen: boolean;
  /** Bytes; null = decide. */
  readonly kvCacheMemoryBytes: number | null;
  readonly numBlocksOverride: number | null;
  readonly enablePrefixCaching: boolean;
  /** Text that block hashes begin from; null = random. */
  readonly hashSeed: string | null;
  /** Share of block allocations whose residency is sampled, (0, 1]; null = none. */
  readonly residencySampleRate: number | null;
  /** Most tokens of one request a step; null = no limit but the step's. */
  readonly longPrefillTokenThreshold: number | null;
  /** Most requests that a step leaves with uncomputed tokens; null = no limit. */
  readonly maxNumPartialPrefills: number | null;
  readonly targetInterTokenLatencyMs: TargetInterTokenLatency;
  readonly policy: SchedulingPolicy;
  /** Of requests that bring none. */
  readonly seed: bigint;
  readonly numThreads: number;
  /** [n] int32; empty = bound to none. */
  readonly cpuAffinity: Int32Array;
  /** 0 to 100, see LoadModelOptions. */
  readonly poll: number;
  /** "auto" = paged on the CPU, ggml where layers are on a device. */
  readonly attentionBackend: AttentionBackend | "auto";
  readonly weightKernels: WeightKernels;
  /** Layers on a GPU; null = all. */
  readonly numGpuLayers: number | null;
  /** Jinja text; empty = the model's own. */
  readonly chatTemplate: string;
}

/** What the process that runs the engine tells while it starts and works. */
export interface EngineHost {
  /** Bytes that can be used without swapping; null = not known. */
  readonly availableBytes: number | null;
  /** Share of the model that is loaded, [0, 1]. */
  readonly onLoadProgress: (share: number) => void;
  /** One line for the operator. */
  readonly log: (line: string) => void;
}
