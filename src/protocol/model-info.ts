// Properties of a model, and the memory it uses.

/** Attention implementation: Pagoda's kernels over block tables, or ggml's with a mask. */
export type AttentionBackend = "paged" | "ggml";

/** Properties that the memory plan needs, read from the GGUF header before any weight is loaded. */
export interface ModelHeader {
  readonly architecture: string;
  /** File type in llama.cpp's terms, e.g. "Q4_1". */
  readonly quantization: string;
  readonly name: string;
  readonly weightBytes: number;
  readonly trainedContextLength: number;
  readonly numLayers: number;
  /** K + V bytes of one token over all layers at the given KvCacheType. */
  readonly kvBytesPerToken: number;
  /** True for byte-level BPE without a named pre-tokenizer: text may be tokenized differently than in training. */
  readonly lacksPreTokenizer: boolean;
}

export interface FimTokenIds {
  readonly prefix: number;
  readonly suffix: number;
  readonly middle: number;
}

export interface ModelInfo extends ModelHeader {
  readonly vocabSize: number;
  readonly embeddingLength: number;
  /** End-of-generation ids, ascending. */
  readonly eosTokenIds: readonly number[];
  /** Tokens of fill-in-the-middle prompts; null = the vocabulary has none. */
  readonly fimTokenIds: FimTokenIds | null;
  readonly addBos: boolean;
  readonly hasChatTemplate: boolean;
  /** Number of tokens that sliding-window layers attend to; null = no such layers. */
  readonly slidingWindow: number | null;
  readonly attentionBackend: AttentionBackend;
  /** "avx512vnni", "avxvnni" or "avx2"; "ggml" if ggml's kernels are used. */
  readonly weightKernels: string;
  /** Weight types, e.g. "q2_K", that use ggml's kernels although Pagoda's were requested. */
  readonly unpackedTypes: readonly string[];
  /** e.g. "CPU, avx512bf16 attention, 2 threads"; the GPU's name if it holds layers. */
  readonly device: string;
  /** True if a GPU holds layers, with their weights, K and V in its memory. */
  readonly weightsOnDevice: boolean;
}

/** Properties of a LoRA adapter, read from its file. */
export interface AdapterInfo {
  /** The file's `general.name`; empty = none. */
  readonly name: string;
  readonly architecture: string;
  /** Largest rank among the adapter's tensors. */
  readonly rank: number;
  /** A product of rank r is scaled by alpha / r; 0 = not scaled. */
  readonly alpha: number;
  /** Kinds of weights that the adapter changes, ascending, without layer and suffix, e.g. "attn_q". */
  readonly targets: readonly string[];
  /**
   * Tokens that enable an aLoRA adapter, starting at their last occurrence in the prompt; empty =
   * an ordinary adapter.
   */
  readonly invocationTokens: readonly number[];
  /** Host memory that the loaded adapter takes. */
  readonly sizeBytes: number;
}

/** Bytes in use now; a sleep reduces them. */
export interface MemoryReport {
  readonly weights: number;
  readonly kv: number;
  readonly scratch: number;
}
