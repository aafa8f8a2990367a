// OpenAI's custom tools in a chat: functions represent them, including in the conversation and in
// tool_choice.

import { wellFormedJson, writeJson } from "../json.ts";
import type { ToolInputs } from "./chat-grammar.ts";
import { CUSTOM_INPUT, type CustomTool, customFunction, customGrammar } from "./custom-tool.ts";
import { checkMembers } from "./required-members.ts";
import { isObject, type Json, type JsonObject } from "./schema/json-value.ts";
import { bodyFault, type Location } from "./schema-faults.ts";

interface ToolsBody {
  readonly messages: readonly JsonObject[] | null;
  readonly tools: readonly JsonObject[] | null;
  readonly tool_choice?: Json;
}

export interface CustomTools {
  readonly names: ReadonlySet<string>;
  /** Grammars that can be enforced. */
  readonly inputs: ToolInputs;
}

/**
 * Replaces custom tools, their calls, and choices of them.
 * @throws RequestError "invalid_schema"
 */
export function withFunctions<T extends ToolsBody>(body: T): T {
  const { messages, tools, tool_choice: choice } = body;
  const isUsed = tools?.some(isCustom) || messages?.some(hasCustomCalls);
  if (isUsed !== true && !isObject(choice ?? null)) return body;
  return {
    ...body,
    messages: messages?.map(messageWithFunctions) ?? null,
    tools: tools?.map((tool, i) => toolFunction(tool, ["body", "tools", i])) ?? null,
    ...(choice !== undefined && { tool_choice: choiceOfFunction(choice) }),
  };
}

/** @throws RequestError "invalid_schema" */
export function customTools(tools: readonly JsonObject[] | null): CustomTools {
  const custom = (tools ?? []).flatMap((tool, i) =>
    isCustom(tool) ? [checkedTool(tool, ["body", "tools", i])] : [],
  );
  const inputs = custom.flatMap(({ name, tool }) => {
    const input = customGrammar(tool);
    return input === null ? [] : [[name, input] as const];
  });
  return { names: new Set(custom.map(({ name }) => name)), inputs: new Map(inputs) };
}

const isCustom = ({ type }: JsonObject): boolean => type === "custom";

function toolFunction(tool: JsonObject, location: Location): JsonObject {
  if (!isCustom(tool)) return tool;
  const { name, tool: custom } = checkedTool(tool, location);
  return customFunction(custom, name);
}

function checkedTool(tool: JsonObject, location: Location) {
  checkMembers(tool, { custom: "dictionary" }, location);
  const custom = tool["custom"] as JsonObject;
  const at = [...location, "custom"];
  checkMembers(custom, { name: "string" }, at);
  const { name, description, format } = custom;
  const read: CustomTool = {
    description: typeof description === "string" ? description : "",
    grammar: grammarOf(format ?? null, [...at, "format"]),
  };
  return { name: String(name), tool: read };
}

function grammarOf(format: Json, location: Location): CustomTool["grammar"] {
  if (format === null || (isObject(format) && format["type"] === "text")) return null;
  if (!isObject(format) || format["type"] !== "grammar") {
    throw bodyFault("literal_error", [...location, "type"], "Input should be 'text' or 'grammar'");
  }
  checkMembers(format, { grammar: "dictionary" }, location);
  const grammar = format["grammar"] as JsonObject;
  const at = [...location, "grammar"];
  checkMembers(grammar, { syntax: "string", definition: "string" }, at);
  const { syntax, definition } = grammar;
  if (syntax === "lark" || syntax === "regex") return { syntax, definition: String(definition) };
  throw bodyFault("literal_error", [...at, "syntax"], "Input should be 'lark' or 'regex'");
}

function hasCustomCalls({ tool_calls: calls }: JsonObject): boolean {
  return Array.isArray(calls) && calls.some((call) => isObject(call) && isCustom(call));
}

function messageWithFunctions(message: JsonObject): JsonObject {
  const { tool_calls: calls } = message;
  if (!hasCustomCalls(message) || !Array.isArray(calls)) return message;
  return { ...message, tool_calls: calls.map((call) => (isObject(call) ? callOf(call) : call)) };
}

function callOf(call: JsonObject): JsonObject {
  if (!isCustom(call) || !isObject(call["custom"])) return call;
  const { custom, ...others } = call;
  const { name = "", input = "" } = custom;
  const text = typeof input === "string" ? input : writeJson(input);
  const given = wellFormedJson(writeJson({ [CUSTOM_INPUT]: text }));
  return { ...others, type: "function", function: { name, arguments: given } };
}

/** @returns a choice, or a list of allowed tools, with functions in place of custom tools */
function choiceOfFunction(choice: Json): Json {
  if (!isObject(choice)) return choice;
  const { type, custom, allowed_tools: allowed } = choice;
  if (type === "custom" && isObject(custom)) return { type: "function", function: custom };
  if (!isObject(allowed) || !Array.isArray(allowed["tools"])) return choice;
  return {
    ...choice,
    allowed_tools: { ...allowed, tools: allowed["tools"].map(choiceOfFunction) },
  };
}
