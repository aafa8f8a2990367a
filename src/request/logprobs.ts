// Log-probabilities of a request's tokens.

/** Values that log-probabilities of generated tokens report, as in vLLM. For prompt tokens, they are always raw. */
export const LOGPROBS_MODES = [
  "raw_logprobs",
  "raw_logits",
  "processed_logprobs",
  "processed_logits",
] as const;
export type LogprobsMode = (typeof LOGPROBS_MODES)[number];

/** A token with its log-probability. */
export interface TokenLogprob {
  /** Token id in [0, vocabulary size). */
  readonly tokenId: number;
  /** Natural logarithm of the probability, [-9999, 0]; a logit in the modes that report logits. */
  readonly logprob: number;
  /** Rank by likelihood; 1 = the most likely token of the vocabulary. */
  readonly rank: number;
}

/** A log-probability with the token's bytes, for clients. */
export interface DecodedLogprob extends TokenLogprob {
  /** Bytes of the token, which can be part of a character. */
  readonly bytes: Uint8Array;
}

/** Log-probabilities at one position of a request. */
export interface PositionLogprobs<Token extends TokenLogprob = TokenLogprob> {
  /** The token at this position. */
  readonly chosen: Token;
  /** The requested number of most likely tokens, in descending order. */
  readonly top: readonly Token[];
}
