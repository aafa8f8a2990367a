// Input of a model's chat template.

export interface ChatTemplateRequest {
  /**
   * JSON text: {"messages": [...], "tools": [...] | null, "documents": [...] | null, "kwargs": {...}}; kwargs
   * are additional variables of the template. Serialized once; only the template engine parses it.
   */
  readonly json: string;
  /** Jinja text that replaces the model's; null = the model's. */
  readonly chatTemplate: string | null;
  readonly addGenerationPrompt: boolean;
  /** Ends the prompt with the text of the last message. Excludes addGenerationPrompt. */
  readonly continueFinalMessage: boolean;
  /** Absent = false: a BOS or EOS from the template replaces the one that the tokenizer would add. */
  readonly addSpecialTokens?: boolean;
}
