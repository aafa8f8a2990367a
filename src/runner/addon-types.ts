// TypeScript declarations of everything that the native addon exports. Native code copies what it needs during the call
// and never keeps a pointer into a JS buffer. It checks all IDs and ranges; a failed call throws or rejects with a
// NativeError whose `code` is stable.

import type {
  AdapterInfo,
  AttentionBackend,
  MemoryReport,
  ModelHeader,
  ModelInfo,
} from "../protocol/model-info.ts";
import type { GrammarSpec } from "../request/sampling-params.ts";

/** Version of this interface. It is raised on both sides with every change in shape or meaning, and checked at load. */
export const CONTRACT_VERSION = 18;

/**
 * Codes: "invalid_argument" (a mistake by the caller), "model_not_found", "model_not_gguf", "model_truncated",
 * "model_unsupported", "out_of_memory", "template_error", "template_limit", "grammar_error" (the grammar is invalid,
 * too complex, or cannot be enforced), "grammar_unavailable", "busy" (a step, a sleep or a wake-up is in progress),
 * "asleep", "disposed", "decode_failed" (`status` is llama.cpp's return value), "internal".
 * Codes of loadAdapter(): "adapter_not_found", "adapter_not_gguf" (not a GGUF file, or not a LoRA adapter),
 * "adapter_truncated", "adapter_architecture" (made for a different architecture), "adapter_shape" (made for a model of
 * different size), "adapter_rank" (above maxAdapterRank), "adapter_not_finite" (alpha or a value is NaN or infinite),
 * "adapter_tensor" (a tensor that the model does not have, of an unsupported type, or lacking its partner),
 * "adapter_unsupported" (a weight that cannot be adapted, such as experts, a tied embedding, or weights on a device).
 */
export interface NativeError extends Error {
  readonly code: string;
  /** llama.cpp's return value, if the error has one. */
  readonly status?: number;
}

/** Kernels for quantized weights: either Pagoda's kernels for packed weights, where they apply, or ggml's. */
export type WeightKernels = "packed" | "ggml";
/** q8_0 = 34-byte blocks of 32 int8 values along the head and an f16 scale; requires a head size divisible by 32. */
export type KvCacheType = "f16" | "bf16" | "f32" | "q8_0";

export interface LoadModelOptions {
  readonly path: string;
  /** GGUF file of the draft model, which has the same blocks and options; empty = none. */
  readonly draftPath: string;
  /** Number of blocks in the KV pool, which holds numBlocks x blockSize tokens; block 0 is the null block. */
  readonly numBlocks: number;
  readonly blockSize: number;
  readonly maxNumSeqs: number;
  readonly maxNumBatchedTokens: number;
  readonly numThreads: number;
  /** int32 [n]: CPUs in [0, 512) to bind threads to, one thread per CPU in turn; empty = use any CPU. */
  readonly cpuAffinity: Int32Array;
  /** How long a thread spins for the next step before it sleeps; 0 = not at all, 100 = ggml's maximum. */
  readonly poll: number;
  readonly attentionBackend: AttentionBackend;
  readonly weightKernels: WeightKernels;
  readonly kvCacheType: KvCacheType;
  /** Number of layers to put on a GPU; -1 = all. Ignored if there is no GPU backend. */
  readonly numGpuLayers: number;
  /** Jinja template that replaces the model's; empty = use the model's own. */
  readonly chatTemplate: string;
  /** Number of slots for LoRA adapters, 0..256; 0 = none can be loaded. */
  readonly maxAdapters: number;
  /** Highest rank that an adapter can have, 1..512. */
  readonly maxAdapterRank: number;
}

/** Default load options for benchmarks and tests, which have no server options. */
export const DEFAULT_LOAD_OPTIONS = {
  draftPath: "",
  cpuAffinity: new Int32Array(0),
  poll: 1,
  attentionBackend: "paged",
  weightKernels: "packed",
  kvCacheType: "f16",
  numGpuLayers: 0,
  chatTemplate: "",
  maxAdapters: 0,
  maxAdapterRank: 16,
} as const satisfies Partial<LoadModelOptions>;

/**
 * Treatment of the weights during sleep: "keep" leaves them in place; "copy" keeps only a copy in host memory (on
 * Linux, for a single-file model; otherwise the file is read again); "drop" drops them.
 */
export type SleepingWeights = "keep" | "copy" | "drop";

/**
 * All of a model's tokens: bytes[starts[i], starts[i + 1]) are the bytes of token i. Entries are stored the same way.
 */
export interface Vocabulary {
  /** The bytes of all tokens. */
  readonly bytes: Uint8Array;
  /** [vocabSize + 1] int32. */
  readonly starts: Int32Array;
  /** Spellings from the model file in UTF-8, such as "Ġis", "▁is", "<0x0A>". */
  readonly entries: Uint8Array;
  /** [vocabSize + 1] int32. */
  readonly entryStarts: Int32Array;
  /** [vocabSize] uint8: 1 = control, unknown or unused. */
  readonly special: Uint8Array;
}

/** Initial sampling state of a request, created only for requests that need such state. */
export interface SamplerInit {
  readonly vocabSize: number;
  /** Tokens of the prompt, [numPromptTokens] int32: counted only for the repetition penalty. */
  readonly promptTokenIds: Int32Array;
  /** Tokens generated so far, counted for all penalties; later tokens are counted when they are sampled. */
  readonly outputTokenIds: Int32Array;
  /** Parallel arrays: int32 [k] and float32 [k]. */
  readonly logitBiasIds: Int32Array;
  readonly logitBiasValues: Float32Array;
  /** Allowed IDs; empty = all. */
  readonly allowedTokenIds: Int32Array;
  /** IDs that rows with FLAG_BAN_END must not sample. */
  readonly endTokenIds: Int32Array;
  /**
   * Nonempty sequences of IDs that must not be generated: sequence i is badWordIds[badWordStarts[i], badWordStarts[i +
   * 1]). A sequence's last ID is excluded if the output ends with the sequence's other IDs.
   */
  readonly badWordIds: Int32Array;
  /** [k + 1] int32. */
  readonly badWordStarts: Int32Array;
  /** Handle of the grammar that the output must follow from its first token; 0 = none. */
  readonly grammar: number;
  /** True if sampling continues without the grammar (FAULT_DROPPED) where it would otherwise report FAULT_REFUSED. */
  readonly isGrammarOptional: boolean;
}

/** Bits of StepOutput.rowFaults. */
export const FAULT_NAN = 1;
export const FAULT_REFUSED = 2;
export const FAULT_DROPPED = 4;

/** Values of StepOutput.draftFault. */
export const DRAFT_FAULT_NAN = 1;
export const DRAFT_FAULT_FAILED = 2;

/** Row flag: IDs in SamplerInit.endTokenIds must not be sampled, because min_tokens has not been reached yet. */
export const FLAG_BAN_END = 1;
/** Row flag: report log-probabilities of the row that the token was drawn from, not of the unmodified logits. */
export const FLAG_REPORT_PROCESSED = 2;
/** Row flag: report logits instead of log-probabilities. */
export const FLAG_REPORT_LOGITS = 4;

/**
 * A step's input. Arrays are preallocated and longer than needed; the counts define which parts are valid.
 * Sequence i of the step owns tokens [queryStart[i], queryStart[i + 1]).
 */
export interface StepBatch {
  numTokens: number;
  numSeqs: number;
  numBlockCopies: number;
  numOutputs: number;
  numDraftSeqs: number;

  /**
   * int32 [numTokens]: the token's ID, or MODEL_DRAFT for a token that the draft model predicts, at the end of a sequence;
   * its position in its sequence (consecutive), and the slot to write K/V to.
   */
  readonly tokens: Int32Array;
  readonly positions: Int32Array;
  readonly slotMapping: Int32Array;
  /** [numTokens] int32: slot of the LoRA adapter that the token's row is computed with; -1 = none. */
  readonly adapterSlots: Int32Array;
  /** [numSeqs + 1] int32. */
  readonly queryStart: Int32Array;
  /** int32 [numSeqs]: context length after this step. */
  readonly seqLens: Int32Array;
  /** [numSeqs + 1] int32; sequence i's blocks are blockIds[blockTableStart[i], blockTableStart[i + 1]). */
  readonly blockTableStart: Int32Array;
  readonly blockIds: Int32Array;
  /** int32 [2 * numBlockCopies]: (source, destination) pairs, copied in order before the pass. */
  readonly blockCopies: Int32Array;

  /** int32 [numOutputs]: rows of `tokens` whose logits are needed, in non-decreasing order; a row may repeat. */
  readonly outputRows: Int32Array;
  /** [numOutputs] float32 / int32 / uint32. */
  readonly temperature: Float32Array;
  readonly topK: Int32Array;
  readonly topP: Float32Array;
  readonly minP: Float32Array;
  readonly presencePenalty: Float32Array;
  readonly frequencyPenalty: Float32Array;
  readonly repetitionPenalty: Float32Array;
  readonly seedLow: Uint32Array;
  readonly seedHigh: Uint32Array;
  /** The token's index in the request's output; this index and the seed determine the random number. */
  readonly outputIndex: Int32Array;
  readonly flags: Uint32Array;
  /** Sampler handle; 0 = none. */
  readonly sampler: Int32Array;
  /** Number of most likely tokens to report, 0..vocabSize; -1 = no log-probabilities. */
  readonly numLogprobs: Int32Array;
  /**
   * -1 = sample. Any other value means that the row is scored, not sampled: the result is this token with its
   * log-probability and rank, and no sampler state changes.
   */
  readonly targetTokens: Int32Array;
  /**
   * Draft token at the next row of `tokens`, which makes the next output row part of the same run: it is sampled only if
   * this row's token is the draft. -1 = last row of a run; MODEL_DRAFT as in `tokens`. The rows of a run have the same
   * sampler.
   */
  readonly expectedTokens: Int32Array;

  /** int32 [numDraftSeqs]: ascending indices of the sequences for which the draft model computes tokens. */
  readonly draftSeqs: Int32Array;
  /**
   * int32 [numDraftSeqs]: position of the first token that the draft model must compute before its predictions. Its tokens
   * from there on are catchUpTokens[catchUpStart[i], catchUpStart[i + 1]), then those of the step up to the first
   * MODEL_DRAFT. They must be consecutive; without MODEL_DRAFT, they can end before the step's tokens, which are not
   * computed.
   */
  readonly catchUpPositions: Int32Array;
  /** [numDraftSeqs + 1] int32. */
  readonly catchUpStart: Int32Array;
  /** At most maxNumBatchedTokens tokens, including those of the step. */
  readonly catchUpTokens: Int32Array;
}

/** Results of a step, preallocated by the caller and filled on the JS thread before step()'s promise resolves. */
export interface StepOutput {
  /** [numOutputs] int32; -1 = not sampled, because an earlier row of the run differed from its draft. */
  readonly tokenIds: Int32Array;
  /** float32 / int32 [numOutputs]: values for the chosen token, from unmodified logits. Valid if numLogprobs >= 0. */
  readonly logprobs: Float32Array;
  readonly ranks: Int32Array;
  /**
   * Rows in order, each with numLogprobs IDs, most likely first. The caller replaces the arrays if a step reports more
   * than they can hold.
   */
  topIds: Int32Array;
  topLogprobs: Float32Array;
  /**
   * [numOutputs] uint8: FAULT_NAN = the row contained a NaN, FAULT_REFUSED = the grammar left no token or exceeded
   * a limit, FAULT_DROPPED = the same with an optional grammar, which no longer applies from this row on. With one of
   * the first two, the token ID is 0.
   */
  readonly rowFaults: Uint8Array;
  /** float64 [2]: duration of the forward pass and of sampling, in ms. */
  readonly timings: Float64Array;
  /**
   * int32 [1]: DRAFT_FAULT_NAN or DRAFT_FAULT_FAILED if the draft model's predictions are arbitrary, because one of its logits
   * was NaN or its pass failed; otherwise 0.
   */
  readonly draftFault: Int32Array;
}

export interface ChatTemplateInput {
  /**
   * JSON text: {"messages": [...], "tools": [...] | null, "documents": [...] | null, "kwargs": {...}}, where
   * kwargs holds additional template variables. At most 8 MiB, nested at most 100 levels deep.
   */
  readonly json: string;
  /** Jinja template of at most 256 KiB that replaces the model's; empty = use the model's own. */
  readonly chatTemplate: string;
  /**
   * Format of message content: a string, or a list of parts ("openai"); absent = the format that the template expects.
   */
  readonly contentFormat?: "string" | "openai";
  readonly addGenerationPrompt: boolean;
  readonly continueFinalMessage: boolean;
  /** Absent or false = a BOS or EOS token in the template's output replaces the one that the tokenizer would add. */
  readonly addSpecialTokens?: boolean;
}

export interface NativeModel {
  readonly info: ModelInfo;
  vocabulary(): Vocabulary;
  memory(): MemoryReport;
  /**
   * @param maxTokens longer text yields maxTokens + 1 IDs and is not read to the end; absent = no limit
   */
  tokenize(
    text: string,
    addSpecial: boolean,
    parseSpecial: boolean,
    maxTokens?: number,
  ): Promise<Int32Array>;
  /** Same as tokenize(), but on the JS thread, for text that takes less time than waking another thread would. */
  tokenizeNow(
    text: string,
    addSpecial: boolean,
    parseSpecial: boolean,
    maxTokens?: number,
  ): Int32Array;
  detokenize(tokenIds: Int32Array, removeSpecial: boolean): Promise<string>;
  /** Renders the template off the JS thread, within depth, size and time limits. */
  applyChatTemplate(input: ChatTemplateInput): Promise<string>;
  /**
   * Renders the template like applyChatTemplate() and tokenizes the text, parsing special tokens.
   * @param maxTokens as in tokenize()
   * @returns [length] int32
   */
  tokenizeChat(input: ChatTemplateInput, maxTokens?: number): Promise<Int32Array>;
  /**
   * Compiles a grammar off the JS thread. Rejects with "grammar_error" or "grammar_unavailable". Allowed during a
   * step.
   * @returns a handle > 0
   */
  compileGrammar(kind: GrammarSpec["kind"], text: string): Promise<number>;
  /** Samplers that use the grammar keep it alive. @throws NativeError "invalid_argument" for an unknown handle */
  freeGrammar(handle: number): void;
  /** @returns a handle > 0 */
  createSampler(init: SamplerInit): number;
  /** Must not be called during a step. @throws NativeError "invalid_argument" for an unknown handle */
  freeSampler(handle: number): void;
  /**
   * Must not be called during a step.
   * @param tokenIds [n] int32
   * @returns the number of tokens, one after another, that the sampler's grammar allows; 0 after its end, n if it
   *   has no grammar
   * @throws NativeError "invalid_argument" for an unknown handle or token
   */
  countAllowed(handle: number, tokenIds: Int32Array): number;
  /**
   * Must not be called during a step.
   * @param maxTokens at most 4096
   * @returns the next tokens, at most `maxTokens`, that the sampler's grammar leaves no choice about; empty if there are none
   * @throws NativeError "invalid_argument" for an unknown handle
   */
  forcedTokens(handle: number, maxTokens: number): Int32Array;
  /**
   * Loads a LoRA adapter from a GGUF file into a slot, replacing the slot's previous adapter. Allowed during a step and
   * during sleep: the file is read and converted off the JS thread and the step's thread, and the adapter takes effect
   * between two steps, before the promise resolves. Adapters are kept during sleep at any level. Rejects with
   * "adapter_*", "out_of_memory" or "invalid_argument" (the slot is not in [0, maxAdapters)), leaving the slot unchanged.
   */
  loadAdapter(path: string, slot: number): Promise<AdapterInfo>;
  /**
   * Empties a slot, if it is in use. Must not be called during a step.
   * @throws NativeError "invalid_argument" if the slot is not in [0, maxAdapters)
   */
  unloadAdapter(slot: number): void;
  /** Rejects with "model_*" if the weights can no longer be read from the file. Allowed during a step. */
  checkReload(): Promise<void>;
  /**
   * Frees the KV pool, the compute buffers and, depending on `weights`, the weights. Tokenizing, templates and samplers
   * keep working. Raises a lower sleep level; otherwise, does nothing if already asleep. Rejects, changing nothing,
   * with "model_*" if the weights could not be restored, "out_of_memory" if a copy does not fit, or "busy".
   */
  sleep(weights: SleepingWeights): Promise<void>;
  /**
   * Rejects with "model_*" if the file is missing or contains a different model, or with "out_of_memory". The call can
   * be retried in both cases.
   */
  wakeWeights(): Promise<void>;
  /** Allocates an empty KV pool. Rejects with "asleep" before wakeWeights(), or with "out_of_memory". */
  wakeKvCache(): Promise<void>;
  /**
   * Runs one forward pass with sampling on the model's own thread. Rejects with "busy" if one is in flight, or
   * with "asleep".
   */
  step(batch: StepBatch, output: StepOutput): Promise<void>;
  /** Waits for any step in flight, joins the thread and frees everything. Later calls reject with "disposed". */
  dispose(): Promise<void>;
}

export interface Addon {
  readonly contractVersion: number;
  /** True if a GPU is available. In that case, the paged op is the wrong choice, since it runs on the CPU. */
  readonly hasGpu: boolean;
  /** Name and version of the grammar engine; null = the addon was built without one, so grammars are refused. */
  readonly grammarEngine: string | null;
  /**
   * 16-bit type that the paged op reads fastest. On a CPU that multiplies bf16, the op rounds K and V to bf16 anyway.
   */
  readonly pagedKvCacheType: "f16" | "bf16";
  /** Reads only the header. @throws NativeError "model_*" */
  readModelHeader(path: string, kvCacheType: KvCacheType): Promise<ModelHeader>;
  /** @param onProgress called on the JS thread with an increasing fraction in [0, 1] */
  loadModel(options: LoadModelOptions, onProgress: (share: number) => void): Promise<NativeModel>;
}
