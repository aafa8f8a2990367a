// Converts a request's tools to the form that parsers of tool calls need: names and parameter types.

import { TOOL_FORMATS } from "../formats/tool-formats.ts";
import type { CallableTool, ToolParser } from "../protocol/message-parsing.ts";
import { isObject, type Json, type JsonObject } from "./schema/json-value.ts";
import { toolName } from "./tool-choice.ts";

/** Maximum nesting of alternatives to search for types. */
const MAX_DEPTH = 4;

export function callableTools(
  tools: readonly JsonObject[],
  toolParser: ToolParser | null,
): readonly CallableTool[] {
  if (toolParser === null) return [];
  const { needsTypes = false } = TOOL_FORMATS[toolParser];
  return tools.map((tool) => ({
    name: toolName(tool),
    parameters: needsTypes ? parameterTypes(tool) : [],
  }));
}

function parameterTypes({ function: described }: JsonObject): CallableTool["parameters"] {
  const schema = isObject(described) ? described["parameters"] : null;
  const properties = isObject(schema) ? schema["properties"] : null;
  if (!isObject(properties)) return [];
  return Object.entries(properties).map(([name, value]) => [name, [...typesOf(value)]]);
}

/** @returns the JSON types that a schema allows; empty if the schema does not specify them */
function typesOf(schema: Json | undefined, depth = 0): ReadonlySet<string> {
  if (!isObject(schema) || depth > MAX_DEPTH) return NO_TYPES;
  const { type } = schema;
  if (typeof type === "string") return new Set([type]);
  if (Array.isArray(type)) return new Set(type.map(String));
  const values = Array.isArray(schema["enum"]) ? schema["enum"] : [schema["const"]];
  if (values.every((value) => value !== undefined)) return new Set(values.map(jsonType));
  const alternatives = ["anyOf", "oneOf", "allOf"].flatMap((name) => schema[name] ?? []);
  return new Set(alternatives.flatMap((one) => [...typesOf(one, depth + 1)]));
}

const NO_TYPES: ReadonlySet<string> = new Set();

function jsonType(value: Json | undefined): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  return isObject(value) ? "object" : typeof value;
}
