// Schema of /v1/responses, with OpenAI's wire names. Fields that would not change the output are not listed, since
// all unknown fields are ignored.

import type { Integer } from "../../json.ts";
import {
  anything,
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

/** Reads text or a list of items. Keeps items of unknown types; messagesOf() skips them. */
const input: Reader<string | readonly JsonObject[]> = (value, location, issues) => {
  if (typeof value === "string") return value.toWellFormed();
  const items = list(object)(value, location, issues);
  for (const [i, item] of (items ?? []).entries()) {
    const isTyped = typeof item["type"] === "string" || typeof item["role"] === "string";
    if (!isTyped) issues.add("missing", [...location, i, "type"], "Field required");
  }
  return items;
};

const tool: Reader<JsonObject> = (value, location, issues) => {
  const read = object(value, location, issues);
  if (isObject(read) && typeof read["type"] !== "string") {
    issues.add("missing", [...location, "type"], "Field required");
  }
  return read;
};

const truncation: Reader<"auto" | "disabled"> = (value, location, issues) => {
  if (value === "auto" || value === "disabled") return value;
  issues.add("literal_error", location, "Input should be 'auto' or 'disabled'");
  return undefined;
};

const noTools: readonly JsonObject[] = [];
const noIncludes: readonly string[] = [];
const noPriority: Integer = 0;

export const RESPONSES_FIELDS = {
  model: optional(string),
  input: required(input),
  instructions: optional(string),
  previous_response_id: optional(string),
  max_output_tokens: optional(integer),
  temperature: optional(float),
  top_p: optional(float),
  top_logprobs: optional(integer),
  stream: optional(boolean, false),
  store: optional(boolean, true),
  background: optional(boolean, false),
  tools: optional(list(tool), noTools),
  tool_choice: optional(anything, "auto"),
  parallel_tool_calls: optional(boolean, true),
  max_tool_calls: optional(integer),
  text: optional(object),
  reasoning: optional(object),
  include: optional(list(string), noIncludes),
  truncation: optional(truncation, "disabled"),
  metadata: optional(object),
  service_tier: optional(string, "auto"),
  user: optional(string),
  prompt: optional(anything),
  conversation: optional(anything),
  request_id: optional(string),
  priority: optional(integer, noPriority),
  cache_salt: optional(string),
} as const;

export type ResponsesBody = Parsed<typeof RESPONSES_FIELDS>;
