// Sampling parameters of one request after validation and defaulting: what the scheduler, the
// output processor and the native sampler read. Names and defaults as vLLM's SamplingParams.

export interface SamplingParams {
  /** Sequences generated from the prompt, >= 1. */
  readonly n: number;
  /** 0 = greedy. Finite, >= 0. */
  readonly temperature: number;
  /** Keep the k likeliest tokens; 0 = off. */
  readonly topK: number;
  /** Keep the likeliest tokens with this probability mass, (0, 1]. */
  readonly topP: number;
  /** Drop tokens less likely than minP x the likeliest, [0, 1]. */
  readonly minP: number;
  /** Subtracted once from tokens already generated, [-2, 2]. */
  readonly presencePenalty: number;
  /** Subtracted per occurrence in the generated text, [-2, 2]. */
  readonly frequencyPenalty: number;
  /** Divides (positive) or multiplies (negative) logits of tokens in prompt or output; > 0, 1 = off. */
  readonly repetitionPenalty: number;
  /** 64-bit seed; null = the engine draws one, so the request is still reproducible inside a step. */
  readonly seed: bigint | null;
  /** Stop strings, none empty. */
  readonly stop: readonly string[];
  /** Token ids that end the request, besides the model's end tokens. */
  readonly stopTokenIds: readonly number[];
  readonly includeStopStrInOutput: boolean;
  /** The model's end tokens do not end the request. */
  readonly ignoreEos: boolean;
  /** Upper bound of generated tokens, >= 1; in a Request clamped to maxModelLen - promptLength. */
  readonly maxTokens: number;
  /** End tokens and stopTokenIds cannot be sampled before this many tokens, 0 <= min <= maxTokens. */
  readonly minTokens: number;
  /** Likeliest tokens to report per position, 0..vocabSize; null = no log-probabilities at all. */
  readonly logprobs: number | null;
  /** The same for the prompt's tokens (from the second on); null = none. Disables prefix-cache reads. */
  readonly promptLogprobs: number | null;
  /** Added to logits, [token id, bias] with bias in [-100, 100]. */
  readonly logitBias: readonly (readonly [number, number])[];
  /** Only these ids may be sampled; null = all. */
  readonly allowedTokenIds: readonly number[] | null;
  readonly skipSpecialTokens: boolean;
}

/** Log-probabilities a position that vLLM allows by default. */
export const USUAL_LOGPROBS = 20;

/** vLLM's defaults; `maxTokens` as for /v1/completions. */
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
  promptLogprobs: null,
  logitBias: [],
  allowedTokenIds: null,
  skipSpecialTokens: true,
};

/** Values for what a request does not set. */
export interface SamplingDefaults
  extends Pick<SamplingParams, "temperature" | "topK" | "topP" | "minP" | "repetitionPenalty"> {
  /** Most tokens that a request may generate, whatever it asks for; null = no limit. */
  readonly maxTokens: number | null;
}

/** vLLM's defaults. */
export const NEUTRAL_SAMPLING: SamplingDefaults = {
  temperature: DEFAULT_SAMPLING_PARAMS.temperature,
  topK: DEFAULT_SAMPLING_PARAMS.topK,
  topP: DEFAULT_SAMPLING_PARAMS.topP,
  minP: DEFAULT_SAMPLING_PARAMS.minP,
  repetitionPenalty: DEFAULT_SAMPLING_PARAMS.repetitionPenalty,
  maxTokens: null,
};
