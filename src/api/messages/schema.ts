// Schemas for /v1/messages and /v1/messages/count_tokens, with Anthropic's wire names. Fields that would not change
// the output are not listed, since all unknown fields are ignored.

import {
  boolean,
  either,
  float,
  integer,
  list,
  object,
  oneOf,
  optional,
  type Parsed,
  required,
  shape,
  string,
} from "../schema/types.ts";

/**
 * @returns true for the name of an Anthropic model, which means the served model here: some clients use such names for
 * side requests regardless of their settings
 */
export function isClaudeModel(name: string): boolean {
  return name.startsWith("claude-");
}

/** Text, or a list of blocks with a type. */
const content = either(string, list(shape({ type: string })));

/** Anthropic's roles, and "system", which agents send in the middle of a conversation. */
const role = oneOf("user", "assistant", "system");

const message = shape({ role, content });

/** Tools that Anthropic runs have no schema, and some have no name. */
const tool = shape({
  type: optional(string),
  name: optional(string),
  input_schema: optional(object),
});

const toolChoice = shape({ type: oneOf("auto", "any", "tool", "none") });

export const COUNT_TOKENS_FIELDS = {
  model: optional(string),
  messages: required(list(message)),
  system: optional(content),
  tools: optional(list(tool)),
  tool_choice: optional(toolChoice),
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
  output_format: optional(object),
  thread: optional(object),
} as const;

export type CountTokensBody = Parsed<typeof COUNT_TOKENS_FIELDS>;
export type MessagesBody = Parsed<typeof MESSAGES_FIELDS>;
