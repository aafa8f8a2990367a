// Schemas of /v1/messages and /v1/messages/count_tokens, with Anthropic's wire names. Fields that would not change
// the output are not listed, since all unknown fields are ignored.

import {
  boolean,
  float,
  integer,
  isObject,
  type JsonObject,
  list,
  object,
  optional,
  type Parsed,
  type Reader,
  required,
  string,
} from "../fields.ts";

/** Accepts all of Anthropic's model names, since some clients use them for side requests whatever their settings. */
const model: Reader<string> = (value, location, issues) => {
  const name = string(value, location, issues);
  return name !== undefined && isClaudeModel(name) ? "" : name;
};

/** @returns true if a name is that of an Anthropic model */
export function isClaudeModel(name: string): boolean {
  return name.startsWith("claude-");
}

const message: Reader<JsonObject> = (value, location, issues) => {
  const read = object(value, location, issues);
  if (read === undefined) return undefined;
  for (const name of ["role", "content"]) {
    if (read[name] === undefined) issues.add("missing", [...location, name], "Field required");
  }
  if (read["role"] !== undefined) string(read["role"], [...location, "role"], issues);
  if (read["content"] !== undefined) content(read["content"], [...location, "content"], issues);
  return read;
};

/** Reads text or a list of blocks, each with a type. */
const content: Reader<string | readonly JsonObject[]> = (value, location, issues) =>
  typeof value === "string" ? value : list(block)(value, location, issues);

const block: Reader<JsonObject> = (value, location, issues) => {
  const read = object(value, location, issues);
  if (isObject(read) && typeof read["type"] !== "string") {
    issues.add("missing", [...location, "type"], "Field required");
  }
  return read;
};

const tool: Reader<JsonObject> = (value, location, issues) => {
  const read = object(value, location, issues);
  if (read !== undefined) string(read["name"] ?? null, [...location, "name"], issues);
  return read;
};

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
