// How the text of generated messages is parsed. Parsers have vLLM's names.

export type ToolParser = "hermes";

export type ReasoningParser = "deepseek_r1" | "qwen3";

/** Parsers for what a model writes; null = none. */
export interface ChatFormat {
  readonly toolParser: ToolParser | null;
  readonly reasoningParser: ReasoningParser | null;
}

/** A model whose answers are only text. */
export const PLAIN_TEXT: ChatFormat = { toolParser: null, reasoningParser: null };

/** How the text of one request is parsed. A null parser leaves its part of the format in the text. */
export interface MessageParsing extends ChatFormat {
  /** Passes on only complete calls with valid arguments; the text of any other call is content. */
  readonly holdsCalls: boolean;
  /** Ends the message after its first call. */
  readonly onlyFirstCall: boolean;
}
