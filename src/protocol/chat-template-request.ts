// A chat as the model's template takes it.

/** Input of a chat template. */
export interface ChatTemplateRequest {
  /**
   * JSON text: {"messages": [...], "tools": [...] | null, "documents": [...] | null, "kwargs": {...}}; kwargs
   * hold further variables of the template. Written once; only the template engine reads it.
   */
  readonly json: string;
  /** Jinja text that replaces the model's; null = the model's. */
  readonly chatTemplate: string | null;
  readonly addGenerationPrompt: boolean;
  /** Ends the prompt with the text of the last message. Excludes addGenerationPrompt. */
  readonly continueFinalMessage: boolean;
  /** Absent = false: a BOS or EOS of the template stands for the one that the tokenizer adds. */
  readonly addSpecialTokens?: boolean;
}
