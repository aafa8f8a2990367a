// Schemas for /v1/messages and /v1/messages/count_tokens, with Anthropic's wire names. Fields that would not change
// the output are not listed, since all unknown fields are ignored.

import {
  boolean,
  converted,
  either,
  float,
  integer,
  list,
  object,
  optional,
  type Parsed,
  required,
  shape,
  string,
} from "../schema/types.ts";

/**
 * Accepts all of Anthropic's model names, since some clients use them for side requests regardless of their settings.
 */
const model = converted(string, (name) => (isClaudeModel(name) ? "" : name));

/** @returns true if a name belongs to an Anthropic model */
export function isClaudeModel(name: string): boolean {
  return name.startsWith("claude-");
}

/** Text, or a list of blocks with a type. */
const content = either(string, list(shape({ type: string })));

const message = shape({ role: string, content });

const tool = shape({ name: string });

export const COUNT_TOKENS_FIELDS = {
  model: optional(model),
  messages: required(list(message)),
  system: optional(content),
  tools: optional(list(tool)),
  tool_choice: optional(object),
  thinking: optional(object),
} as const;

export const MESSAGES_FIELDS = {
  ...COUNT_TOKENS_FIELDS,
  max_tokens: required(integer),
  stop_sequences: optional(list(string), []),
  stream: optional(boolean, false),
  temperature: optional(float),
  top_p: optional(float),
  top_k: optional(integer),
  output_config: optional(object),
} as const;

export type CountTokensBody = Parsed<typeof COUNT_TOKENS_FIELDS>;
export type MessagesBody = Parsed<typeof MESSAGES_FIELDS>;
