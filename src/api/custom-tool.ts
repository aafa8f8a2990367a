// Custom tools, whose input is plain text: a function with a single string represents such a tool.

import { inJsonString } from "./grammar/json-string-lark.ts";
import type { JsonObject } from "./schema/json-value.ts";

/** Parameter of a function that represents a custom tool. */
export const CUSTOM_INPUT = "input";

export interface CustomTool {
  readonly description: string;
  /** Grammar of the input; null = any text. */
  readonly grammar: { readonly syntax: string; readonly definition: string } | null;
}

/** @returns the function in the format of /v1/chat/completions */
export function customFunction({ description, grammar }: CustomTool, name: string): JsonObject {
  const rules =
    grammar === null
      ? ""
      : `\n\nThe input must match this ${grammar.syntax} grammar:\n${grammar.definition}`;
  const pattern = grammar?.syntax === "regex" ? { pattern: `^(?:${grammar.definition})$` } : {};
  return {
    type: "function",
    function: {
      name,
      description: `${description}${rules}`,
      parameters: {
        type: "object",
        properties: { [CUSTOM_INPUT]: { type: "string", ...pattern } },
        required: [CUSTOM_INPUT],
        additionalProperties: false,
      },
    },
  };
}

/** @returns the tool's Lark grammar; null if it has none, or if the grammar cannot be enforced inside a JSON string */
export function customGrammar({ grammar }: CustomTool) {
  const lark = grammar?.syntax === "lark" ? inJsonString(grammar.definition) : null;
  return lark === null ? null : { parameter: CUSTOM_INPUT, lark };
}
