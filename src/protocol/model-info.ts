// Facts of a model, and the memory that it holds.

/** What computes attention: kernels of ours over block tables, or ggml's with a mask. */
export type AttentionBackend = "paged" | "ggml";

/** Read from the GGUF header alone, before any weight is loaded: what the memory plan needs. */
export interface ModelHeader {
  readonly architecture: string;
  /** File type as llama.cpp names it, e.g. "Q4_1". */
  readonly quantization: string;
  readonly name: string;
  readonly weightBytes: number;
  readonly trainedContextLength: number;
  readonly numLayers: number;
  /** K + V bytes of one token over all layers at the given KvCacheType. */
  readonly kvBytesPerToken: number;
  /** The vocabulary is byte-level BPE, but the file names no pre-tokenizer: texts may become other tokens. */
  readonly lacksPreTokenizer: boolean;
}

export interface ModelInfo extends ModelHeader {
  readonly vocabSize: number;
  readonly embeddingLength: number;
  /** End-of-generation ids, ascending. */
  readonly eosTokenIds: readonly number[];
  readonly addBos: boolean;
  readonly hasChatTemplate: boolean;
  /** Tokens that sliding-window layers attend to; null = no such layer. */
  readonly slidingWindow: number | null;
  readonly attentionBackend: AttentionBackend;
  /** "avx512vnni", "avxvnni", "avx2"; "ggml" where its kernels serve. */
  readonly weightKernels: string;
  /** Types of matrices that ggml's kernels serve though ours were asked for, e.g. "q2_K". */
  readonly unpackedTypes: readonly string[];
  /** e.g. "CPU, avx512bf16 attention, 2 threads"; for a GPU that takes layers, its own name. */
  readonly device: string;
  /** A GPU device takes layers: their weights and K and V are in its memory. */
  readonly weightsOnDevice: boolean;
}

/** Bytes held now; a sleep lowers them. */
export interface MemoryReport {
  readonly weights: number;
  readonly kv: number;
  readonly scratch: number;
}
