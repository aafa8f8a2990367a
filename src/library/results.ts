// What a generation gives: pieces while it runs, one result at its end.

import type { DecodedLogprob, PositionLogprobs } from "../request/logprobs.ts";
import type { FinishReason } from "../request/request-status.ts";

export type { DecodedLogprob, PositionLogprobs, TokenLogprob } from "../request/logprobs.ts";
export type { FinishReason } from "../request/request-status.ts";

/** What has come since the last one. A reader that lags gets several tokens at once. */
export interface TextDelta {
  /** Which of the n sequences, 0 <= index < n. */
  readonly index: number;
  /** New text, possibly "". Never a part of a character. */
  readonly text: string;
  /** New tokens; empty only in one that ends the sequence. */
  readonly tokenIds: readonly number[];
  /** One for each new token; null unless asked for. */
  readonly logprobs: readonly PositionLogprobs<DecodedLogprob>[] | null;
  /** Set in the last delta of a sequence. */
  readonly finishReason: FinishReason | null;
}

/** One whole sequence. */
export interface GeneratedChoice {
  /** Which of the n sequences. */
  readonly index: number;
  /** All of its text, without the stop text. */
  readonly text: string;
  /** All of its tokens, an end token included. */
  readonly tokenIds: readonly number[];
  /** Why it ended: "stop" (end token, stop text), "length", "abort" or "error". */
  readonly finishReason: FinishReason;
  /** The stop text or stop token that ended it; null for the model's end tokens and for length. */
  readonly stopReason: string | number | null;
  /** One for each token; null unless asked for. */
  readonly logprobs: readonly PositionLogprobs<DecodedLogprob>[] | null;
}

/** Tokens of a request. */
export interface Usage {
  /** Of the prompt, template included. */
  readonly promptTokens: number;
  /** Generated, all sequences together. */
  readonly completionTokens: number;
  /** Of the prompt: found in the prefix cache. */
  readonly cachedTokens: number;
}

/** The end of a generation; its own fields are those of sequence 0. */
export interface GenerateResult extends GeneratedChoice {
  /** As `Generation.id`. */
  readonly id: string;
  /** [n], in the order of their index. */
  readonly choices: readonly GeneratedChoice[];
  /** One for each prompt token from the second on; null unless asked for. */
  readonly promptLogprobs: readonly PositionLogprobs<DecodedLogprob>[] | null;
  /** What was computed. */
  readonly usage: Usage;
}

/** The end of a chat. */
export interface ChatResult extends GenerateResult {
  /** Sequence 0 as a message, to be appended to the conversation. */
  readonly message: { readonly role: string; readonly content: string };
}
