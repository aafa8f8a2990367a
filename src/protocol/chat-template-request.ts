// A chat as the model's template takes it.

/** One chat message as the wire has it, already validated. */
export type ChatMessage = Readonly<Record<string, unknown>> & { readonly role: string };

/** Input of a chat template. */
export interface ChatTemplateRequest {
  readonly messages: readonly ChatMessage[];
  readonly tools: readonly unknown[] | null;
  readonly documents: readonly unknown[] | null;
  /** Jinja text that replaces the model's; null = the model's. */
  readonly chatTemplate: string | null;
  readonly addGenerationPrompt: boolean;
  /** Ends the prompt with the text of the last message. Excludes addGenerationPrompt. */
  readonly continueFinalMessage: boolean;
  /** Further variables of the template. */
  readonly templateKwargs: Readonly<Record<string, unknown>>;
}
