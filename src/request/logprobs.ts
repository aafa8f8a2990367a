// Log-probabilities of the tokens of a request.

/** A token with its log-probability. */
export interface TokenLogprob {
  /** In [0, vocabulary size). */
  readonly tokenId: number;
  /** Natural logarithm of its probability, [-9999, 0]. */
  readonly logprob: number;
  /** 1 = the likeliest token of the vocabulary. */
  readonly rank: number;
}

/** Token log-probability with the token's text, for a client. */
export interface DecodedLogprob extends TokenLogprob {
  /** The token's own bytes: may be part of a character. */
  readonly bytes: Uint8Array;
}

/** Log-probabilities at one position of a request. */
export interface PositionLogprobs<Token extends TokenLogprob = TokenLogprob> {
  /** The token at this position. */
  readonly chosen: Token;
  /** The likeliest tokens, likeliest first, as many as the request asked for. */
  readonly top: readonly Token[];
}
