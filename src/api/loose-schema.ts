// Loosens a tool's schema to what the grammar engine can enforce and closes the schema's objects. Agents send schemas
// that are too rich for a grammar; the rest of such a schema still constrains the calls.

import { loosened } from "./grammar/json-schema.ts";
import { isObject, type Json, type JsonObject } from "./schema/json-value.ts";

export interface LooseSchema {
  readonly schema: JsonObject;
  /** Keywords that were removed, each listed once. */
  readonly removed: ReadonlySet<string>;
}

export function looseSchema(schema: JsonObject): LooseSchema {
  const { schema: loose, dropped } = loosened(schema);
  return { schema: closed(loose), removed: new Set(dropped.map(({ keyword }) => keyword)) };
}

/** Keywords that define which other properties an object has, or that are combined with its own properties. */
const OPENING: readonly string[] = [
  ...["additionalProperties", "patternProperties", "allOf", "anyOf", "oneOf", "$ref"],
];

/**
 * @returns whether an object lists properties and does not say whether there are others. Models invent properties if
 * they are allowed to. Neither llama.cpp's nor xgrammar's grammars allow such properties.
 */
function isOpen(schema: JsonObject): boolean {
  return isObject(schema["properties"]) && !OPENING.some((key) => schema[key] !== undefined);
}

/** Keywords whose value maps names to schemas. These names are not keywords. */
const MAPS: readonly string[] = ["properties", "patternProperties", "$defs"];
/** Keywords whose value is data, and `allOf`, because a closed part would exclude properties that other parts allow. */
const KEPT: readonly string[] = ["const", "enum", "required", "allOf"];

function closed(schema: JsonObject): JsonObject {
  const entries = Object.entries(schema).map(([key, value]) => [key, closedIn(key, value)]);
  return { ...Object.fromEntries(entries), ...(isOpen(schema) && { additionalProperties: false }) };
}

function closedIn(key: string, value: Json): Json {
  if (KEPT.includes(key)) return value;
  if (Array.isArray(value)) return value.map((item) => (isObject(item) ? closed(item) : item));
  if (!isObject(value)) return value;
  if (!MAPS.includes(key)) return closed(value);
  const entries = Object.entries(value).map(([name, item]) => [
    name,
    isObject(item) ? closed(item) : item,
  ]);
  return Object.fromEntries(entries);
}
