// Removes the parts of a tool's schema that the grammar engine cannot enforce. Agents send schemas that are too rich
// for a grammar; the rest of the schema still constrains their calls.

import { isObject, type Json, type JsonObject } from "./schema/json-value.ts";

export interface LooseSchema {
  readonly schema: JsonObject;
  /** Removed keywords, each listed once. */
  readonly removed: ReadonlySet<string>;
}

/** Keywords that llguidance does not implement. */
const UNENFORCED: ReadonlySet<string> = new Set([
  ...["not", "if", "then", "else", "dependentRequired", "dependentSchemas", "dependencies"],
  ...["uniqueItems", "propertyNames", "contains", "minContains", "maxContains"],
  ...["unevaluatedProperties", "unevaluatedItems", "$dynamicRef", "$recursiveRef"],
]);

/** Formats that llguidance enforces. */
const FORMATS: ReadonlySet<unknown> = new Set([
  ...["date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid", "uri"],
]);

/** Bounds whose grammar grows with their value, and the maximum value to keep. */
const BOUNDS: ReadonlyMap<string, number> = new Map([
  ["minLength", 1000],
  ["maxLength", 1000],
  ["minItems", 200],
  ["maxItems", 200],
  ["minProperties", 1],
  ["maxProperties", 1],
]);

/** Maximum nesting; deeper schemas are replaced with one that allows any value. */
const MAX_DEPTH = 64;

export function looseSchema(schema: JsonObject): LooseSchema {
  const removed = new Set<string>();
  return { schema: withoutUnenforced(schema, removed, 0), removed };
}

function withoutUnenforced(schema: JsonObject, removed: Set<string>, depth: number): JsonObject {
  if (depth > MAX_DEPTH) return {};
  const kept = Object.entries(schema).filter(([key, value]) => {
    const isKept = isEnforced(key, value);
    if (!isKept) removed.add(key);
    return isKept;
  });
  const entries = kept.map(([key, value]) => [key, inner(key, value, removed, depth + 1)]);
  return { ...Object.fromEntries(entries), ...(isOpen(schema) && { additionalProperties: false }) };
}

/** Keywords that define which other properties an object has, or that are combined with its own. */
const OPENING: readonly string[] = [
  ...["additionalProperties", "patternProperties", "allOf", "anyOf", "oneOf", "$ref"],
];

/**
 * @returns whether an object has a list of properties and does not say that it has others. Models invent them
 *   when they are free to; llama.cpp's grammars and xgrammar's do not allow them either.
 */
function isOpen(schema: JsonObject): boolean {
  return isObject(schema["properties"]) && !OPENING.some((key) => schema[key] !== undefined);
}

function isEnforced(key: string, value: Json): boolean {
  if (UNENFORCED.has(key)) return value === false;
  if (key === "format") return FORMATS.has(value);
  if (key === "pattern") return typeof value === "string" && isEnforcedPattern(value);
  if (key === "$ref") return typeof value === "string" && value.startsWith("#");
  const bound = BOUNDS.get(key);
  return bound === undefined || Number(value) <= bound;
}

/** llguidance supports neither lookaround nor group references. */
function isEnforcedPattern(pattern: string): boolean {
  return !/\(\?[=!<]|\\[1-9bB]/.test(pattern);
}

/** Keywords whose value maps names to schemas. These names are not keywords. */
const MAPS: readonly string[] = ["properties", "patternProperties", "$defs", "definitions"];
/** Keywords whose value is data. */
const DATA: readonly string[] = ["const", "enum", "default", "examples", "example", "required"];

function inner(key: string, value: Json, removed: Set<string>, depth: number): Json {
  if (DATA.includes(key)) return value;
  // A part of an intersection that was closed would exclude what the other parts allow.
  if (key === "allOf") return value;
  if (Array.isArray(value)) {
    return value.map((item) => (isObject(item) ? withoutUnenforced(item, removed, depth) : item));
  }
  if (!isObject(value)) return value;
  if (!MAPS.includes(key)) return withoutUnenforced(value, removed, depth);
  const entries = Object.entries(value).map(([name, schema]) => [
    name,
    isObject(schema) ? withoutUnenforced(schema, removed, depth) : schema,
  ]);
  return Object.fromEntries(entries);
}
