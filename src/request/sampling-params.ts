// Sampling parameters of one request after validation and defaults, read by the scheduler, the output
// processor and the native sampler. Names and defaults are those of vLLM's SamplingParams.

import type { LogprobsMode } from "./logprobs.ts";

/** A grammar that the whole output must follow. */
export interface GrammarSpec {
  /** A JSON schema, a regular expression in Rust's syntax, or llguidance's variant of Lark. */
  readonly kind: "json_schema" | "regex" | "lark";
  readonly text: string;
  /** Text for a prompt that has opened the model's reasoning; absent = `text`. */
  readonly textAfterOpen?: string;
  /**
   * True if the output continues without the grammar, with a warning in the log, when the grammar is too complex or
   * leaves no token; absent = the request fails.
   */
  readonly isOptional?: boolean;
  /** Body field that contains the grammar, for errors. */
  readonly param: string;
}

/** State of a grammar. Requests with the grammar wait until it is compiled. */
export interface CompiledGrammar {
  isReady: boolean;
}

export interface SamplingParams {
  /** Number of sequences to generate from the prompt, >= 1. */
  readonly n: number;
  /** Temperature, finite, >= 0; 0 = greedy. */
  readonly temperature: number;
  /** Keeps the k most likely tokens; 0 = off. */
  readonly topK: number;
  /** Keeps the most likely tokens with this probability mass, (0, 1]. */
  readonly topP: number;
  /** Drops tokens less likely than minP x the most likely one, [0, 1]. */
  readonly minP: number;
  /** Subtracted once from the logits of tokens already generated, [-2, 2]. */
  readonly presencePenalty: number;
  /** Subtracted from a logit for each occurrence of its token in the generated text, [-2, 2]. */
  readonly frequencyPenalty: number;
  /** Divides positive and multiplies negative logits of tokens in the prompt or output; > 0, 1 = off. */
  readonly repetitionPenalty: number;
  /** 64-bit seed; null = the engine draws one. */
  readonly seed: bigint | null;
  /** Stop strings, none empty. */
  readonly stop: readonly string[];
  /** Token ids that end the request, in addition to the model's end tokens. */
  readonly stopTokenIds: readonly number[];
  readonly includeStopStrInOutput: boolean;
  /** True to continue generation after the model's end tokens. */
  readonly ignoreEos: boolean;
  /** Maximum number of generated tokens, >= 1; in a Request, at most maxModelLen - promptLength. */
  readonly maxTokens: number;
  /** End tokens and stopTokenIds cannot be sampled before this many tokens; 0 <= minTokens <= maxTokens. */
  readonly minTokens: number;
  /** Number of most likely tokens to report per position, 0..vocabSize; null = no log-probabilities. */
  readonly logprobs: number | null;
  /** Values that `logprobs` report. */
  readonly logprobsMode: LogprobsMode;
  /** Same for prompt tokens, starting with the second; null = none. Disables prefix cache lookups. */
  readonly promptLogprobs: number | null;
  /** [token id, bias] pairs; each bias, in [-100, 100], is added to the token's logit. */
  readonly logitBias: readonly (readonly [number, number])[];
  /** Only these ids may be sampled; null = all. */
  readonly allowedTokenIds: readonly number[] | null;
  /** Nonempty sequences of token ids that must not be generated. */
  readonly badWords: readonly (readonly number[])[];
  readonly skipSpecialTokens: boolean;
  /** Grammar of the output; null = free text. */
  readonly grammar: GrammarSpec | null;
}

/** Number of log-probabilities per position that vLLM allows by default. */
export const USUAL_LOGPROBS = 20;

/** vLLM's defaults, with the `maxTokens` of /v1/completions. */
export const DEFAULT_SAMPLING_PARAMS: SamplingParams = {
  n: 1,
  temperature: 1,
  topK: 0,
  topP: 1,
  minP: 0,
  presencePenalty: 0,
  frequencyPenalty: 0,
  repetitionPenalty: 1,
  seed: null,
  stop: [],
  stopTokenIds: [],
  includeStopStrInOutput: false,
  ignoreEos: false,
  maxTokens: 16,
  minTokens: 0,
  logprobs: null,
  logprobsMode: "raw_logprobs",
  promptLogprobs: null,
  logitBias: [],
  allowedTokenIds: null,
  badWords: [],
  skipSpecialTokens: true,
  grammar: null,
};

/** Values for parameters that a request does not set, and settings that apply to all requests. */
export interface SamplingDefaults
  extends Pick<SamplingParams, "temperature" | "topK" | "topP" | "minP" | "repetitionPenalty"> {
  /** Maximum number of tokens that any request can generate; null = no limit. */
  readonly maxTokens: number | null;
  /** Token ids that end a request in addition to its own and the model's, unless it ignores end tokens. */
  readonly stopTokenIds: readonly number[];
}

/** vLLM's defaults. */
export const NEUTRAL_SAMPLING: SamplingDefaults = {
  temperature: DEFAULT_SAMPLING_PARAMS.temperature,
  topK: DEFAULT_SAMPLING_PARAMS.topK,
  topP: DEFAULT_SAMPLING_PARAMS.topP,
  minP: DEFAULT_SAMPLING_PARAMS.minP,
  repetitionPenalty: DEFAULT_SAMPLING_PARAMS.repetitionPenalty,
  maxTokens: null,
  stopTokenIds: [],
};
