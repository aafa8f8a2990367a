// Types of tools' parameters, for formats that write values as plain text.

import type { CallableTool } from "../protocol/message-parsing.ts";

export type ToolTypes = ReadonlyMap<string, ReadonlyMap<string, readonly string[]>>;

export function toolTypes(tools: readonly CallableTool[]): ToolTypes {
  return new Map(tools.map(({ name, parameters }) => [name, new Map(parameters)]));
}

/** Literals of Python that models write in place of JSON's. */
const PYTHON_LITERALS: ReadonlyMap<string, string> = new Map([
  ["True", "true"],
  ["False", "false"],
  ["None", "null"],
]);

/**
 * Reads a parameter that is written as plain text.
 * @param types JSON types that its schema allows; empty = any
 * @returns its JSON: a value of such a type if the text is one, or a string
 */
export function valueJson(text: string, types: readonly string[]): string {
  const plain = text.trim();
  const json = PYTHON_LITERALS.get(plain) ?? plain;
  const type = jsonType(json);
  const isAllowed = types.length === 0 || !types.includes("string") || types.includes(type ?? "");
  return type !== null && isAllowed ? json : JSON.stringify(text);
}

/** @returns the type of a JSON text in the terms of JSON Schema; null if it is not JSON */
function jsonType(json: string): string | null {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return null;
  }
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  return Number.isInteger(value) ? "integer" : typeof value;
}
