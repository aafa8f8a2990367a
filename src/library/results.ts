// Outputs of a generation: deltas while it runs and one result at the end.

import type { DecodedLogprob, PositionLogprobs } from "../request/logprobs.ts";
import type { FinishReason } from "../request/request-status.ts";
import type { Message } from "./options.ts";

export type { DecodedLogprob, PositionLogprobs, TokenLogprob } from "../request/logprobs.ts";
export type { FinishReason } from "../request/request-status.ts";

/** Output of one sequence since its previous delta; can hold several tokens if the reader is slow. */
export interface TextDelta {
  /** Index of the sequence, 0 <= index < n. */
  readonly index: number;
  /** New text, possibly "". Never ends within a character. */
  readonly text: string;
  /** New text of the model's reasoning, possibly "". */
  readonly reasoning: string;
  /** New tokens; can be empty only in the last delta of a sequence. */
  readonly tokenIds: readonly number[];
  /** One entry per new token; null unless requested. */
  readonly logprobs: readonly PositionLogprobs<DecodedLogprob>[] | null;
  /** Set in the last delta of a sequence; null in earlier deltas. */
  readonly finishReason: FinishReason | null;
}

/** One complete sequence. */
export interface GeneratedChoice {
  /** Index of the sequence, 0 <= index < n. */
  readonly index: number;
  /** Complete text, without the stop string. */
  readonly text: string;
  /** All tokens, including an end token. */
  readonly tokenIds: readonly number[];
  /** Reason the sequence ended: "stop" (end token or stop string), "length", "abort" or "error". */
  readonly finishReason: FinishReason;
  /** Stop string or stop token that ended the sequence; null for the model's end tokens and for length. */
  readonly stopReason: string | number | null;
  /** One entry per token; null unless requested. */
  readonly logprobs: readonly PositionLogprobs<DecodedLogprob>[] | null;
}

/** Token counts of a request. */
export interface Usage {
  /** Tokens in the prompt, including the chat template's. */
  readonly promptTokens: number;
  /** Tokens generated in all sequences. */
  readonly completionTokens: number;
  /** Prompt tokens found in the prefix cache. */
  readonly cachedTokens: number;
}

/** Result of a generation. The inherited fields describe sequence 0. */
export interface GenerateResult extends GeneratedChoice {
  /** Same as `Generation.id`. */
  readonly id: string;
  /** [n], ordered by index. */
  readonly choices: readonly GeneratedChoice[];
  /** One entry per prompt token, starting with the second; null unless requested. */
  readonly promptLogprobs: readonly PositionLogprobs<DecodedLogprob>[] | null;
  /** Token counts of the whole request. */
  readonly usage: Usage;
}

/** Result of a chat. */
export interface ChatResult extends GenerateResult {
  /** Sequence 0 as a message, ready to append to the conversation. */
  readonly message: ChatMessage;
}

/** Message of an answer, in the form that chat() accepts in the conversation. */
export interface ChatMessage extends Message {
  /** Role of the answer, usually "assistant". */
  readonly role: string;
  /** Text without reasoning and calls; null if there is none beside them. */
  readonly content: string | null;
  /** Calls that the model makes; absent without any. Answer each with a message of role "tool". */
  readonly tool_calls?: readonly ToolCall[];
  /** The model's reasoning; absent without any. */
  readonly reasoning?: string;
}

/** Call of a tool. */
export interface ToolCall {
  /** ID that the message with the tool's result names as `tool_call_id`. */
  readonly id: string;
  /** Kind of tool. */
  readonly type: "function";
  /** Name of the tool, and its arguments as JSON. */
  readonly function: { readonly name: string; readonly arguments: string };
}
