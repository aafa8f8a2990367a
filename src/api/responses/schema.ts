// Schema for /v1/responses, with OpenAI's wire names. Fields that would not change the output are not listed, since
// all unknown fields are ignored.

import type { Integer } from "../../json.ts";
import type { JsonObject } from "../schema/json-value.ts";
import {
  anything,
  boolean,
  converted,
  either,
  float,
  integer,
  list,
  object,
  oneOf,
  optional,
  type Parsed,
  shape,
  string,
} from "../schema/types.ts";

/** An item. Messages can lack a type. Unknown types are kept here and skipped later. */
const item = either(shape({ role: string }), shape({ type: string }));

/** Text, or a list of items. */
const input = converted(either(string, list(item)), (given) =>
  typeof given === "string" ? given.toWellFormed() : given,
);

const tool = shape({ type: string });

const truncation = oneOf("auto", "disabled");

/** OpenAI's values. Values for tools that the server does not run are accepted but add nothing. */
const includable = oneOf(
  "code_interpreter_call.outputs",
  "computer_call_output.output.image_url",
  "file_search_call.results",
  "message.input_image.image_url",
  "message.output_text.logprobs",
  "reasoning.encrypted_content",
  "web_search_call.action.sources",
  "web_search_call.results",
);

const noTools: readonly JsonObject[] = [];
const noPriority: Integer = 0;

export const RESPONSES_FIELDS = {
  model: optional(string),
  input: optional(input),
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
  include: optional(list(includable), []),
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
