// Finds the JSON types that a schema allows.

import type { Schema } from "./lark.ts";

/** Maximum depth to which nested alternatives and references are followed. */
const MAX_DEPTH = 8;

const NO_TYPES: ReadonlySet<string> = new Set();

/** Keywords that contain the targets of references. */
const DEFINITIONS = ["$defs", "definitions"];

/** @returns a schema's definitions, to be added to its parts, which can refer to them */
export function definitionsOf(schema: Schema): Schema {
  return Object.fromEntries(
    DEFINITIONS.flatMap((key) => (isSchema(schema[key]) ? [[key, schema[key]]] : [])),
  );
}

/** @returns the schema with its own reference, or its only part, in place; nested ones are unchanged */
export function resolved(schema: Schema, depth = 0): Schema {
  const { $ref, allOf, ...siblings } = schema;
  const target =
    typeof $ref === "string" ? targetOf(schema, $ref) : onlyOf(Array.isArray(allOf) ? allOf : []);
  if (target === null || depth > MAX_DEPTH) return schema;
  return resolved({ ...siblings, ...target }, depth + 1);
}

/** @returns a reference's target, such as "#/$defs/Name"; null if it is elsewhere or missing */
function targetOf(schema: Schema, reference: string): Schema | null {
  const [, key = "", name = ""] = /^#\/(\$defs|definitions)\/([^/]+)$/.exec(reference) ?? [];
  const definitions = schema[key];
  const target = isSchema(definitions) ? definitions[name] : null;
  return isSchema(target) ? target : null;
}

function onlyOf(parts: readonly unknown[]): Schema | null {
  const [part] = parts;
  return parts.length === 1 && isSchema(part) ? part : null;
}

/**
 * @param definitions the whole schema's definitions
 * @returns the JSON types that a schema allows; empty if the schema does not specify them
 */
export function typesOf(schema: unknown, definitions: Schema = {}, depth = 0): ReadonlySet<string> {
  if (!isSchema(schema) || depth > MAX_DEPTH) return NO_TYPES;
  const own = resolved({ ...definitions, ...schema });
  const { type } = own;
  if (typeof type === "string") return new Set([type]);
  if (Array.isArray(type)) return new Set(type.map(String));
  const values = Array.isArray(own["enum"]) ? own["enum"] : [own["const"]];
  if (values.every((value) => value !== undefined)) return new Set(values.map(jsonType));
  const alternatives = ["anyOf", "oneOf", "allOf"].flatMap((name) => own[name] ?? []);
  const types = alternatives.map((one) => typesOf(one, definitions, depth + 1));
  return new Set(types.flatMap((some) => [...some]));
}

function jsonType(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "array" : typeof value;
}

export function isSchema(value: unknown): value is Schema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
