// What users of the library may ask for. Names are vLLM's in camelCase; bounds and defaults are those of the
// command line and of the HTTP API, since both are read by the same code.

/** Text, or token ids within the vocabulary; not empty. */
export type Prompt = string | readonly number[] | Int32Array;

/** One message: a role, `content` as text or as a list of text parts, and what else the template reads. */
export type Message = Readonly<Record<string, unknown>> & { readonly role: string };

/** How a model is loaded. Everything left out is decided from the model and the machine. */
export interface LoadOptions {
  /** Name in answers and metrics. Default: the file's name without ".gguf". */
  readonly name?: string;
  /** Most tokens of a prompt with its output, at least 16. Default: the model's, as far as memory holds it. */
  readonly contextLength?: number;
  /** Lets contextLength exceed what the model was trained for; answers get worse. Default: false. */
  readonly allowLongContext?: boolean;
  /** Most requests computed in one step, 1 to 256; further ones wait. Default: 128. */
  readonly maxSequences?: number;
  /** Tokens computed in one step, 1 to 65536; longer prompts take several. Default: 512. */
  readonly maxBatchedTokens?: number;
  /** Most sequences in flight, waiting ones included; beyond it requests fail with "queue_full". Default: 4096. */
  readonly maxQueued?: number;
  /** Size of the KV cache, bytes. Default: what is useful, at most a quarter of the free memory. */
  readonly kvCacheBytes?: number;
  /** Type of K and V in the cache. Default: "auto" = bf16 where the CPU multiplies it, else f16. */
  readonly kvCacheType?: "auto" | "f16" | "bf16" | "f32" | "q8_0";
  /** Share KV blocks of equal prefixes between requests. Default: true. */
  readonly prefixCaching?: boolean;
  /** Layers on a GPU, where a GPU backend is built in. Default: "auto" = all. */
  readonly gpuLayers?: number | "auto";
  /** Threads of the forward pass, 1 to 512. Default: the physical cores, at most the CPU quota. */
  readonly threads?: number;
  /** Seed of requests that bring none, >= 0. Default: 0. */
  readonly seed?: number;
  /**
   * Source of sampling defaults: "auto" = the model's recommendations, "vllm" = only vLLM's defaults, or the
   * path of a generation_config.json or its folder. Default: "auto".
   */
  readonly generationConfig?: string;
  /** Sampling defaults that override those of generationConfig. */
  readonly overrideGenerationConfig?: {
    /** >= 0. */
    readonly temperature?: number;
    /** (0, 1]. */
    readonly top_p?: number;
    /** 0 = off. */
    readonly top_k?: number;
    /** [0, 1]. */
    readonly min_p?: number;
    /** > 0; 1 = off. */
    readonly repetition_penalty?: number;
    /** Most tokens that any request may generate, >= 1. */
    readonly max_new_tokens?: number;
  };
  /** Jinja text that replaces the model's chat template. */
  readonly chatTemplate?: string;
  /** Use what is on the disk already and download nothing. Default: false. */
  readonly offline?: boolean;
  /** Gives the load up: it rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Told how much of the model is in memory, a share in [0, 1]. */
  readonly onProgress?: (share: number) => void;
  /** Gets lines for an operator: downloads, warnings, failed steps. Default: they go nowhere. */
  readonly logger?: (line: string) => void;
}

/** How one request is treated. */
export interface CallOptions {
  /** Ends the request: its blocks are free within one step, its readers get the signal's reason. */
  readonly signal?: AbortSignal;
  /** Lower runs earlier; matters with a priority policy only. Default: 0. */
  readonly priority?: number | bigint;
  /** The end of `Generation.id`, 1 to 128 visible ASCII characters. Default: random. */
  readonly requestId?: string;
  /** Prefixes are shared only between requests of the same salt, 1 to 256 characters. */
  readonly cacheSalt?: string;
}

/**
 * How tokens are chosen and when to stop: vLLM's SamplingParams. A default called "the model's" comes from
 * LoadOptions.generationConfig; the value in brackets applies if that gives none.
 */
export interface GenerateOptions extends CallOptions {
  /** Most tokens to generate, >= 1. Default: 16 for generate(), what the context leaves for chat(). */
  readonly maxTokens?: number;
  /** End tokens cannot come before so many tokens, 0 to maxTokens. Default: 0. */
  readonly minTokens?: number;
  /** 0 = always the likeliest token. Default: the model's [1]. */
  readonly temperature?: number;
  /** Keep the likeliest tokens with this probability mass, (0, 1]. Default: the model's [1]. */
  readonly topP?: number;
  /** Keep the k likeliest tokens; 0 = all. Default: the model's [0]. */
  readonly topK?: number;
  /** Drop tokens less likely than minP x the likeliest, [0, 1]. Default: the model's [0]. */
  readonly minP?: number;
  /** Subtracted once from the logit of each token generated before, [-2, 2]. Default: 0. */
  readonly presencePenalty?: number;
  /** Subtracted for each time a token was generated, [-2, 2]. Default: 0. */
  readonly frequencyPenalty?: number;
  /** Divides the logits of tokens in prompt or output, > 0; 1 = off. Default: the model's [1]. */
  readonly repetitionPenalty?: number;
  /**
   * The same seed gives the same tokens, whatever else runs; a signed 64-bit integer. Default: drawn by the
   * engine.
   */
  readonly seed?: number | bigint;
  /** Texts that end the output and are left out of it; at most 64, none empty. */
  readonly stop?: string | readonly string[];
  /** Tokens that end the output besides the model's own. */
  readonly stopTokenIds?: readonly number[];
  /** Keep the stop text in the output. Default: false. */
  readonly includeStopStrInOutput?: boolean;
  /** Go on after the model's end tokens. Default: false. */
  readonly ignoreEos?: boolean;
  /** Leave control tokens out of the text. Default: true. */
  readonly skipSpecialTokens?: boolean;
  /** Added to logits by token id, [-100, 100]. */
  readonly logitBias?: Readonly<Record<number, number>>;
  /** Only these tokens may come. */
  readonly allowedTokenIds?: readonly number[];
  /** Sequences generated from the prompt, 1 to 128; they share its blocks. Default: 1. */
  readonly n?: number;
  /** Report the log-probability of each token and so many of the likeliest, 0 to 20. Default: none. */
  readonly logprobs?: number;
  /** The same for the prompt's tokens from the second on. Default: none. */
  readonly promptLogprobs?: number;
}

/** How a chat is rendered and answered. */
export interface ChatOptions extends GenerateOptions {
  /** End the prompt with the beginning of an answer. Default: true. */
  readonly addGenerationPrompt?: boolean;
  /** Go on with the last message instead; needs addGenerationPrompt false. Default: false. */
  readonly continueFinalMessage?: boolean;
  /** Variables of the chat template. */
  readonly chatTemplateKwargs?: Readonly<Record<string, unknown>>;
}

/** How a batch is run. */
export interface BatchOptions extends GenerateOptions {
  /** Most prompts that are queued, run or wait to be taken, >= 1. Default: twice maxSequences. */
  readonly maxInFlight?: number;
}
