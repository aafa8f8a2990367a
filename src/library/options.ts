// The library's options. Names are vLLM's, in camelCase. Bounds and defaults match the command line and the
// HTTP API, since the same code reads all of them.

/** Text, or token IDs within the vocabulary. Must not be empty. */
export type Prompt = string | readonly number[] | Int32Array;

/** One message: a role, `content` as text or a list of text parts, and any other fields the template reads. */
export type Message = Readonly<Record<string, unknown>> & { readonly role: string };

/** Options for loading a model. Defaults depend on the model and the machine. */
export interface LoadOptions {
  /** Name used in responses and metrics. Default: the file's name without ".gguf". */
  readonly name?: string;
  /**
   * Maximum number of tokens in a prompt and its output together, at least 16. Default: the model's
   * maximum, or as much of it as fits in memory.
   */
  readonly contextLength?: number;
  /**
   * Allow contextLength to exceed the length that the model was trained on, which degrades output quality. Default:
   * false.
   */
  readonly allowLongContext?: boolean;
  /** Maximum number of requests computed in one step, 1 to 256; any beyond that wait. Default: 128. */
  readonly maxSequences?: number;
  /**
   * Maximum number of tokens computed in one step, 1 to 65536; longer prompts take several steps. Default: 512.
   */
  readonly maxBatchedTokens?: number;
  /**
   * Maximum number of sequences in flight, whether running or waiting; further requests fail with "queue_full".
   * Default: 4096.
   */
  readonly maxQueued?: number;
  /** Size of the KV cache in bytes. Default: as much as is useful, at most a quarter of the free memory. */
  readonly kvCacheBytes?: number;
  /** Data type of K and V in the cache. Default: "auto" = bf16 if the CPU has instructions for it, otherwise f16. */
  readonly kvCacheType?: "auto" | "f16" | "bf16" | "f32" | "q8_0";
  /** Let requests with equal prefixes share KV blocks. Default: true. */
  readonly prefixCaching?: boolean;
  /** Number of layers to offload to a GPU, if the build supports one. Default: "auto" = all. */
  readonly gpuLayers?: number | "auto";
  /** Number of compute threads, 1 to 512. Default: one per physical core, up to the CPU quota. */
  readonly threads?: number;
  /** Random seed for requests that do not set one, >= 0. Default: 0. */
  readonly seed?: number;
  /**
   * Source of sampling defaults: "auto" = the model's recommendations, "vllm" = only vLLM's defaults, or the
   * path of a generation_config.json or its folder. Its eos_token_id also ends outputs. Default: "auto".
   */
  readonly generationConfig?: string;
  /** Sampling defaults that override those of generationConfig. */
  readonly overrideGenerationConfig?: {
    /** Temperature, >= 0. */
    readonly temperature?: number;
    /** Probability mass to sample from, (0, 1]. */
    readonly top_p?: number;
    /** Number of tokens to sample from; 0 = all. */
    readonly top_k?: number;
    /** Minimum probability, relative to the most likely token, [0, 1]. */
    readonly min_p?: number;
    /** Penalty on tokens in the prompt or output, > 0; 1 = off. */
    readonly repetition_penalty?: number;
    /** Maximum number of tokens that any request can generate, >= 1. */
    readonly max_new_tokens?: number;
  };
  /** Jinja template to use instead of the model's chat template. */
  readonly chatTemplate?: string;
  /** Format of the model's tool calls, by vLLM's names, or "none". Default: "auto" = by the chat template. */
  readonly toolCallParser?: string;
  /** Format of the model's reasoning, by vLLM's names, or "none". Default: "auto" = by the chat template. */
  readonly reasoningParser?: string;
  /** Maximum number of reasoning tokens, >= 0, for chats that do not set a limit. Default: -1 = no limit. */
  readonly reasoningBudget?: number;
  /** Speculative decoding, which speeds up output that repeats its input. Default: off. */
  readonly speculativeConfig?: {
    /**
     * "ngram" predicts from the request itself, "suffix" also from past outputs, and "draft_model" with a second model.
     */
    readonly method: "ngram" | "suffix" | "draft_model";
    /** With "draft_model": name or path of the draft model, and its branch, tag or commit on the hub. */
    readonly model?: string;
    readonly revision?: string;
    /** Maximum number of predicted tokens per request and step, 1 to 128; can be absent with "suffix". */
    readonly num_speculative_tokens?: number;
    /** With "ngram": minimum and maximum number of tokens to match, 1 to 64. Default: 5. */
    readonly prompt_lookup_min?: number;
    readonly prompt_lookup_max?: number;
    /** With "suffix": maximum number of tokens to match, 1 to 1024. Default: 24. */
    readonly suffix_decoding_max_tree_depth?: number;
    /** With "suffix": number of past outputs to keep. Default: 10000. */
    readonly suffix_decoding_max_cached_requests?: number;
    /** With "suffix": maximum number of predicted tokens for each matching one. Default: 1. */
    readonly suffix_decoding_max_spec_factor?: number;
    /** With "suffix": predictions less likely than this are dropped, [0, 1]. Default: 0.1. */
    readonly suffix_decoding_min_token_prob?: number;
    /** Steps with more requests than this verify no predictions. Default: no limit. */
    readonly disable_by_batch_size?: number;
  };
  /** Allow LoRA adapters. Default: false. */
  readonly enableLora?: boolean;
  /** LoRA adapters to load, by name: paths of GGUF files or of folders in PEFT's format. */
  readonly loraModules?: Readonly<Record<string, string>>;
  /** Maximum number of adapters in one step, 1 to 255; requests for more wait. Default: 1. */
  readonly maxLoras?: number;
  /** Highest rank that an adapter can have, 1 to 512. Default: 16. */
  readonly maxLoraRank?: number;
  /** Maximum number of adapters in memory, at least maxLoras. Default: maxLoras. */
  readonly maxCpuLoras?: number;
  /** Use only files that are already on disk; download nothing. Default: false. */
  readonly offline?: boolean;
  /** Cancels the load, which then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Receives the fraction of the model that has been loaded, in [0, 1]. */
  readonly onProgress?: (share: number) => void;
  /** Receives log lines about downloads, warnings and failed steps. Default: nothing is logged. */
  readonly logger?: (line: string) => void;
}

/** Options for a single request. */
export interface CallOptions {
  /** Name of the LoRA adapter to use. Default: the model without an adapter. */
  readonly lora?: string;
  /** Ends the request. Its blocks are freed within one step, and reads reject with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Lower values run earlier; has no effect without the priority policy. Default: 0. */
  readonly priority?: number | bigint;
  /** Last part of `Generation.id`, 1 to 128 visible ASCII characters. Default: random. */
  readonly requestId?: string;
  /** Restricts prefix sharing to requests with the same salt, 1 to 256 characters. */
  readonly cacheSalt?: string;
}

/**
 * Sampling and stopping parameters, as in vLLM's SamplingParams. A default given as "the model's" comes from
 * LoadOptions.generationConfig; the value in brackets applies if that sets none.
 */
export interface GenerateOptions extends CallOptions {
  /** Maximum number of tokens to generate, >= 1. Default: 16 for generate(), the remaining context for chat(). */
  readonly maxTokens?: number;
  /** Minimum number of tokens before an end token is allowed, 0 to maxTokens. Default: 0. */
  readonly minTokens?: number;
  /** Randomness; 0 = always the most likely token. Default: the model's [1]. */
  readonly temperature?: number;
  /** Sample from the most likely tokens whose probabilities add up to this, (0, 1]. Default: the model's [1]. */
  readonly topP?: number;
  /** Sample from the k most likely tokens; 0 = all. Default: the model's [0]. */
  readonly topK?: number;
  /**
   * Drop tokens whose probability is below minP times that of the most likely one, [0, 1]. Default: the model's [0].
   */
  readonly minP?: number;
  /** Amount subtracted once from the logit of each token generated so far, [-2, 2]. Default: 0. */
  readonly presencePenalty?: number;
  /** Amount subtracted from a token's logit for each time it was generated, [-2, 2]. Default: 0. */
  readonly frequencyPenalty?: number;
  /** Penalty on the logits of tokens in the prompt or output, > 0; 1 = off. Default: the model's [1]. */
  readonly repetitionPenalty?: number;
  /**
   * Random seed, a signed 64-bit integer. The same seed yields the same tokens no matter what else is running.
   * Default: chosen by the engine.
   */
  readonly seed?: number | bigint;
  /** Strings that end the output and are left out of it; at most 64, none of them empty. */
  readonly stop?: string | readonly string[];
  /** Tokens that end the output, in addition to the model's own. */
  readonly stopTokenIds?: readonly number[];
  /** Keep the stop string in the output. Default: false. */
  readonly includeStopStrInOutput?: boolean;
  /** Continue past the model's end tokens. Default: false. */
  readonly ignoreEos?: boolean;
  /** Leave control tokens out of the text. Default: true. */
  readonly skipSpecialTokens?: boolean;
  /** Amounts added to logits, by token ID, [-100, 100]. */
  readonly logitBias?: Readonly<Record<number, number>>;
  /** Generate only these tokens. */
  readonly allowedTokenIds?: readonly number[];
  /**
   * Format of the output: `{ type: "json_object" }`, or `{ type: "json_schema", json_schema: { schema } }`. A schema
   * that cannot be enforced is refused with "invalid_value".
   */
  readonly responseFormat?: Readonly<Record<string, unknown>>;
  /**
   * Constraint on the output: one of vLLM's `json`, `regex`, `choice`, `grammar`, `json_object` or `structural_tag`.
   */
  readonly structuredOutputs?: Readonly<Record<string, unknown>>;
  /** Words that must not be generated, at the start of the text or after a space; at most 1024, none of them empty. */
  readonly badWords?: readonly string[];
  /** Number of sequences generated from the prompt, 1 to 128; they share its blocks. Default: 1. */
  readonly n?: number;
  /** Report log-probabilities for each token and for this many of the most likely tokens, 0 to 20. Default: none. */
  readonly logprobs?: number;
  /** Like logprobs, but for the prompt's tokens, starting with the second one. Default: none. */
  readonly promptLogprobs?: number;
}

/** Options for rendering and answering a chat. */
export interface ChatOptions extends GenerateOptions {
  /** End the prompt with the beginning of an assistant message. Default: true. */
  readonly addGenerationPrompt?: boolean;
  /** Continue the last message instead; requires addGenerationPrompt: false. Default: false. */
  readonly continueFinalMessage?: boolean;
  /** Variables for the chat template. */
  readonly chatTemplateKwargs?: Readonly<Record<string, unknown>>;
  /** Tools that the model can call, as in OpenAI's API: `{type: "function", function: {name, parameters}}`. */
  readonly tools?: readonly object[];
  /**
   * Calls to make: "auto", "none", "required", or one tool: `{type: "function", function: {name}}`. Default:
   * "auto".
   */
  readonly toolChoice?: "auto" | "none" | "required" | object;
  /** Allow several tool calls in one response. Default: true. */
  readonly parallelToolCalls?: boolean;
  /** Amount of reasoning, passed to the chat template; "none" turns reasoning off if the template supports that. */
  readonly reasoningEffort?: "none" | "minimal" | "low" | "medium" | "high" | "xhigh" | "max";
  /** Maximum number of reasoning tokens, >= 0; -1 = no limit. Default: LoadOptions.reasoningBudget. */
  readonly thinkingTokenBudget?: number;
}

/** Options for generateAll(). */
export interface BatchOptions extends GenerateOptions {
  /**
   * Maximum number of prompts that are queued, running, or finished but not yet read, >= 1. Default: twice
   * maxSequences.
   */
  readonly maxInFlight?: number;
}
