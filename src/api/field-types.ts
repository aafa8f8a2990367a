// Types of structured fields: messages, tools, prompts and formats. Members that are not checked here are either
// checked elsewhere, with vLLM's messages, or passed to the chat template unchanged.

import type { Integer } from "../json.ts";
import { isObject, type Json } from "./schema/json-value.ts";
import { toBoolean } from "./schema/lax-values.ts";
import {
  anything,
  boolean,
  converted,
  either,
  integerIn,
  lax,
  list,
  object,
  oneOf,
  optional,
  shape,
  shownAs,
  string,
} from "./schema/types.ts";

export interface StreamOptions {
  /** Whether to add a final chunk with usage data. */
  readonly includeUsage: boolean;
  /** Whether to add the usage so far to every chunk; requires includeUsage. */
  readonly continuousUsageStats: boolean;
  /** True if no option is set. vLLM accepts such an object even without `stream`. */
  readonly isEmpty: boolean;
}

export const streamOptions = converted(
  shape(
    {
      include_usage: optional(boolean, true),
      continuous_usage_stats: optional(boolean, false),
    },
    "StreamOptions",
  ),
  (given): StreamOptions => {
    const flag = (name: string, fallback: boolean) =>
      toBoolean(given[name] === undefined ? fallback : given[name]) ?? false;
    const includeUsage = flag("include_usage", true);
    const continuousUsageStats = flag("continuous_usage_stats", false) && includeUsage;
    return { includeUsage, continuousUsageStats, isEmpty: Object.keys(given).length === 0 };
  },
);

const TEXT = { type: "string" };
const OBJECT = { type: "object" };

const customTool = shape({
  type: oneOf("custom"),
  custom: shownAs(anything, {
    type: "object",
    required: ["name"],
    properties: { name: TEXT, description: TEXT, format: OBJECT },
  }),
});

const functionTool = shape({
  type: optional(shownAs(anything, { const: "function" })),
  function: shape({
    name: string,
    description: optional(string),
    parameters: optional(object),
    strict: optional(shownAs(anything, { type: "boolean" })),
  }),
});

export const tool = either(customTool, functionTool);

/** A kind of choice, or the tool to call. */
export const toolChoice = shownAs(anything, {
  anyOf: [
    { enum: ["none", "auto", "required"] },
    {
      type: "object",
      required: ["function"],
      properties: {
        type: { const: "function" },
        function: { type: "object", required: ["name"], properties: { name: TEXT } },
      },
    },
  ],
});

const customCall = shape({
  id: optional(shownAs(anything, TEXT)),
  type: oneOf("custom"),
  custom: shownAs(object, { type: "object", properties: { name: TEXT, input: TEXT } }),
});

/** A tool call from an earlier turn. Its arguments are an object, a list, or a string that contains JSON. */
const functionCall = shape({
  id: optional(shownAs(anything, TEXT)),
  type: optional(shownAs(anything, { const: "function" })),
  function: shape({
    name: optional(shownAs(anything, TEXT)),
    arguments: optional(either(object, list(anything), string)),
  }),
});

export const message = shape({
  role: string,
  content: optional(
    shownAs(anything, {
      anyOf: [TEXT, { type: "array", items: { anyOf: [TEXT, OBJECT] } }],
    }),
  ),
  name: optional(string),
  tool_call_id: optional(string),
  reasoning: optional(string),
  reasoning_content: optional(string),
  tool_calls: optional(list(either(customCall, functionCall))),
});

export const responseFormat = shape({
  type: oneOf("text", "json_object", "json_schema", "structural_tag"),
  json_schema: optional(
    shownAs(anything, {
      type: "object",
      properties: { name: TEXT, schema: OBJECT, strict: { type: "boolean" } },
    }),
  ),
});

/** Exactly one constraint, plus options for JSON. */
export const structuredOutputs = shownAs(anything, {
  type: "object",
  properties: {
    json: { anyOf: [OBJECT, TEXT] },
    regex: TEXT,
    choice: { type: "array", items: TEXT },
    grammar: TEXT,
    json_object: { type: "boolean" },
    structural_tag: { anyOf: [OBJECT, TEXT] },
    whitespace_pattern: TEXT,
    disable_any_whitespace: { type: "boolean" },
  },
});

/** OpenAI's predicted output, read as its text. */
export const prediction = converted(
  shape({
    type: oneOf("content"),
    content: either(string, list(shape({ type: oneOf("text"), text: string }))),
  }),
  ({ content }): string =>
    Array.isArray(content)
      ? content.map((part) => (isObject(part) ? String(part["text"]) : "")).join("")
      : String(content),
);

/** OpenAI's levels, passed to the chat template as a variable. Models differ in the levels that they distinguish. */
export const reasoningEffort = oneOf("none", "minimal", "low", "medium", "high", "xhigh", "max");

export const seed = integerIn({ minimum: -(2n ** 63n), maximum: 2n ** 63n - 1n });

/** Reads a number of tokens, or -1 for as many as fit. */
export const truncation = integerIn({ minimum: -1 });

/** A prompt as text or as token IDs. */
export type Prompt = string | readonly Integer[];

const isIds = (value: Json): value is readonly Integer[] =>
  Array.isArray(value) && value.every((id) => typeof id === "bigint" || Number.isInteger(id));

const PROMPT_FORMS = {
  anyOf: [
    { type: "string" },
    { type: "array", items: { type: "string" } },
    { type: "array", items: { type: "integer" } },
    { type: "array", items: { type: "array", items: { type: "integer" } } },
  ],
};

export const prompts = lax("Prompts", PROMPT_FORMS, (value): readonly Prompt[] | null => {
  if (typeof value === "string") return [value.toWellFormed()];
  if (isIds(value) && value.length > 0) return [value];
  if (!Array.isArray(value)) return null;
  if (value.every((item) => typeof item === "string")) {
    return value.map((item) => item.toWellFormed());
  }
  return value.every(isIds) ? (value as readonly (readonly number[])[]) : null;
});
