// Finds the JSON types that a schema allows.

/** Maximum depth to which nested alternatives are searched for types. */
const MAX_DEPTH = 4;

const NO_TYPES: ReadonlySet<string> = new Set();

/** @returns the JSON types that a schema allows; empty if the schema does not specify them */
export function typesOf(schema: unknown, depth = 0): ReadonlySet<string> {
  if (!isObject(schema) || depth > MAX_DEPTH) return NO_TYPES;
  const { type } = schema;
  if (typeof type === "string") return new Set([type]);
  if (Array.isArray(type)) return new Set(type.map(String));
  const values = Array.isArray(schema["enum"]) ? schema["enum"] : [schema["const"]];
  if (values.every((value) => value !== undefined)) return new Set(values.map(jsonType));
  const alternatives = ["anyOf", "oneOf", "allOf"].flatMap((name) => schema[name] ?? []);
  return new Set(alternatives.flatMap((one) => [...typesOf(one, depth + 1)]));
}

function jsonType(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "array" : typeof value;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
