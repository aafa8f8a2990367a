// Input of a model's chat template.

/** Format of message content: a string, or a list of parts. */
export type ContentFormat = "string" | "openai";

export interface ChatTemplateRequest {
  /**
   * JSON text: {"messages": [...], "tools": [...] | null, "documents": [...] | null, "kwargs": {...}}, where
   * kwargs holds additional template variables. Serialized once; only the template engine parses it.
   */
  readonly json: string;
  /** Jinja template that replaces the model's; null = the model's. */
  readonly chatTemplate: string | null;
  /** Format of message content; absent = the one that the template expects. */
  readonly contentFormat?: ContentFormat;
  readonly addGenerationPrompt: boolean;
  /** Ends the prompt with the text of the last message. Cannot be combined with addGenerationPrompt. */
  readonly continueFinalMessage: boolean;
  /** Absent or false = a BOS or EOS in the template's output replaces the one that the tokenizer would add. */
  readonly addSpecialTokens?: boolean;
}
