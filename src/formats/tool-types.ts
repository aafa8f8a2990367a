// Types of tool parameters, for formats that write values as plain text.

import type { CallableTool } from "../protocol/message-parsing.ts";
import { pythonJson } from "./python-call.ts";

export type ToolTypes = ReadonlyMap<string, ReadonlyMap<string, readonly string[]>>;

export function toolTypes(tools: readonly CallableTool[]): ToolTypes {
  return new Map(tools.map(({ name, parameters }) => [name, new Map(parameters)]));
}

/** @returns the name under which the types of a nested value are listed */
export function typePath(names: readonly string[]): string {
  return names.join("\n");
}

/** Python literals that models write instead of the JSON ones. */
const PYTHON_LITERALS: ReadonlyMap<string, string> = new Map([
  ["True", "true"],
  ["False", "false"],
  ["None", "null"],
]);

/**
 * Converts a parameter that is written as plain text to JSON.
 * @param types JSON types that the parameter's schema allows; empty = any
 * @returns the text itself if it is JSON of an allowed type, otherwise a string
 */
export function valueJson(text: string, types: readonly string[]): string {
  const json = literalJson(text.trim());
  if (json === null) return JSON.stringify(text);
  const isAllowed =
    types.length === 0 || !types.includes("string") || isOneOf(jsonType(json), types);
  return isAllowed ? json : JSON.stringify(text);
}

/** @returns a JSON or Python literal as JSON; null for other text. Some templates show lists and objects as Python does. */
function literalJson(text: string): string | null {
  const json = PYTHON_LITERALS.get(text) ?? text;
  try {
    JSON.parse(json);
    return json;
  } catch {
    return /^[[{]/.test(text) ? pythonJson(text) : null;
  }
}

function isOneOf(type: string, types: readonly string[]): boolean {
  return types.includes(type) || (type === "integer" && types.includes("number"));
}

/** @returns the type of JSON text in JSON Schema's terms */
function jsonType(json: string): string {
  const value: unknown = JSON.parse(json);
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  return Number.isInteger(value) ? "integer" : typeof value;
}
