// Converts a body's tools to functions that a model can call, and maps calls back to tools. Tools in a namespace are
// flattened, with the namespace as a prefix of their names. A custom tool, whose input is plain text, becomes a
// function with a single string. Tools that OpenAI runs are omitted.

import type { ToolInputs } from "../chat-grammar.ts";
import { inJsonString } from "../grammar/json-string-lark.ts";
import { isObject, type Json, type JsonObject } from "../schema/json-value.ts";

/** A tool, under the name that the client uses. */
export interface ToolOrigin {
  readonly kind: "function" | "custom";
  readonly name: string;
  /** The tool's namespace; null = none. */
  readonly namespace: string | null;
}

export interface ToolTable {
  /** Tools in the format of /v1/chat/completions. */
  readonly functions: readonly JsonObject[];
  /** Tools by function name. */
  readonly origins: ReadonlyMap<string, ToolOrigin>;
  /** Grammars of custom tools that can be enforced, by function name. */
  readonly inputs: ToolInputs;
}

/** Parameter of a function that represents a custom tool. */
export const CUSTOM_INPUT = "input";

/**
 * Creates the table. If tools have the same name, the last one counts: clients resend tools that a search has found.
 */
export function toolTable(tools: readonly JsonObject[]): ToolTable {
  const functions = new Map<string, JsonObject>();
  const origins = new Map<string, ToolOrigin>();
  const inputs = new Map<string, { parameter: string; lark: string }>();
  const add = (tool: JsonObject, namespace: string | null) => {
    const { type, name } = tool;
    const isKnown = type === "function" || type === "custom";
    if (!isKnown || typeof name !== "string") return;
    const flat = flatName(name, namespace);
    origins.set(flat, { kind: type, name, namespace });
    functions.set(flat, type === "function" ? functionTool(tool, flat) : customTool(tool, flat));
    const lark = type === "custom" ? inputGrammar(tool) : null;
    if (lark !== null) inputs.set(flat, { parameter: CUSTOM_INPUT, lark });
  };
  for (const tool of tools) {
    const { type, name, tools: inner } = tool;
    if (type !== "namespace") add(tool, null);
    else if (typeof name === "string" && Array.isArray(inner)) {
      for (const one of inner.filter(isObject)) add(one, name);
    }
  }
  return { functions: [...functions.values()], origins, inputs };
}

/** @returns a tool's function name. As in Codex, no underscores are added to a namespace that already ends in two. */
export function flatName(name: string, namespace: string | null): string {
  if (namespace === null) return name;
  return namespace.endsWith("__") ? namespace + name : `${namespace}__${name}`;
}

function functionTool({ description, parameters, strict }: JsonObject, name: string): JsonObject {
  return {
    type: "function",
    function: {
      name,
      ...(typeof description === "string" && { description }),
      ...(isObject(parameters) && { parameters }),
      ...(strict === true && { strict }),
    },
  };
}

/** @returns null without a grammar, or for one that cannot be enforced inside a JSON string */
function inputGrammar(tool: JsonObject): string | null {
  const { syntax, definition } = grammarOf(tool);
  return syntax === "lark" && typeof definition === "string" ? inJsonString(definition) : null;
}

function grammarOf({ format }: JsonObject): JsonObject {
  return isObject(format) && format["type"] === "grammar" ? format : {};
}

function customTool(tool: JsonObject, name: string): JsonObject {
  const { description = "" } = tool;
  const { syntax, definition = "" } = grammarOf(tool);
  const rules =
    syntax === undefined ? "" : `\n\nThe input must match this ${syntax} grammar:\n${definition}`;
  const pattern = syntax === "regex" ? { pattern: `^(?:${definition})$` } : {};
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

/** @returns the chat fields for tools and tool choice. Without tools, only a choice that requires one is kept. */
export function toolFields(
  { functions }: ToolTable,
  choice: Json,
  isParallel: boolean,
): JsonObject {
  const chosen = chatChoice(choice);
  if (functions.length > 0) {
    return { tools: functions, tool_choice: chosen, parallel_tool_calls: isParallel };
  }
  return chosen === "auto" || chosen === "none" ? {} : { tool_choice: chosen };
}

/** @returns a tool choice in the format of /v1/chat/completions */
function chatChoice(choice: Json): Json {
  if (!isObject(choice)) return choice;
  const { type, mode = "auto", tools } = choice;
  if (type === "function" || type === "custom") return functionNamed(choice);
  // Any other type is a tool that OpenAI runs, so it does not exist here.
  if (type !== "allowed_tools" || !Array.isArray(tools)) return "auto";
  return { type, allowed_tools: { mode, tools: tools.filter(isCallable).map(functionNamed) } };
}

function isCallable(tool: Json): tool is JsonObject {
  return isObject(tool) && (tool["type"] === "function" || tool["type"] === "custom");
}

function functionNamed(tool: JsonObject): JsonObject {
  return { type: "function", function: { name: nameOf(tool) } };
}

function nameOf({ name, namespace }: JsonObject): string {
  return flatName(String(name ?? ""), typeof namespace === "string" ? namespace : null);
}
