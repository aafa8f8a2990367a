// Results of a generation: deltas while it runs, and one result at the end.

import type { DecodedLogprob, PositionLogprobs } from "../request/logprobs.ts";
import type { FinishReason } from "../request/request-status.ts";
import type { Message } from "./options.ts";

export type { DecodedLogprob, PositionLogprobs, TokenLogprob } from "../request/logprobs.ts";
export type { FinishReason } from "../request/request-status.ts";

/** A sequence's output since its previous delta. Can hold several tokens if the reader is slow. */
export interface TextDelta {
  /** Index of the sequence, 0 <= index < n. */
  readonly index: number;
  /** New text, possibly "". Never ends within a character. */
  readonly text: string;
  /** New text in the model's reasoning, possibly "". */
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
  /**
   * Stop string or stop token that ended the sequence; null if it ended with the model's end token or at its maximum
   * length.
   */
  readonly stopReason: string | number | null;
  /** One entry per token; null unless requested. */
  readonly logprobs: readonly PositionLogprobs<DecodedLogprob>[] | null;
}

/** A request's token counts. */
export interface Usage {
  /** Number of tokens in the prompt, including those from the chat template. */
  readonly promptTokens: number;
  /** Number of tokens generated in all sequences. */
  readonly completionTokens: number;
  /** Number of prompt tokens found in the prefix cache. */
  readonly cachedTokens: number;
}

/** Result of a generation. The inherited fields describe sequence 0. */
export interface GenerateResult extends GeneratedChoice {
  /** Same as `Generation.id`. */
  readonly id: string;
  /** All n sequences, ordered by index. */
  readonly choices: readonly GeneratedChoice[];
  /** One entry per prompt token, starting with the second; null unless requested. */
  readonly promptLogprobs: readonly PositionLogprobs<DecodedLogprob>[] | null;
  /** Token counts for the whole request. */
  readonly usage: Usage;
}

/** Result of a chat. */
export interface ChatResult extends GenerateResult {
  /** Sequence 0 as a message, ready to append to the conversation. */
  readonly message: ChatMessage;
}

/** The generated message, in the form that chat() accepts as part of a conversation. */
export interface ChatMessage extends Message {
  /** Role of the message, usually "assistant". */
  readonly role: string;
  /** Text without reasoning and tool calls; null if there is no other text. */
  readonly content: string | null;
  /** Tool calls that the model makes; absent if there are none. Answer each one with a message of role "tool". */
  readonly tool_calls?: readonly ToolCall[];
  /** The model's reasoning; absent if there is none. */
  readonly reasoning?: string;
}

/** A tool call. */
export type ToolCall = FunctionCall | CustomCall;

/** A call to a tool whose arguments follow a JSON schema. */
export interface FunctionCall {
  /** ID that the message with the tool's result must send as `tool_call_id`. */
  readonly id: string;
  /** Kind of tool. */
  readonly type: "function";
  /** Name of the tool, and its arguments as JSON. */
  readonly function: { readonly name: string; readonly arguments: string };
}

/** A call to a custom tool. */
export interface CustomCall {
  /** ID that the message with the tool's result must send as `tool_call_id`. */
  readonly id: string;
  /** Kind of tool. */
  readonly type: "custom";
  /** Name of the tool, and its input as plain text. */
  readonly custom: { readonly name: string; readonly input: string };
}
