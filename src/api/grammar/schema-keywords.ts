// JSON schema keywords that llguidance 1.9 enforces, and the values for which it enforces them. Annotations and unknown
// keywords are not listed, since they constrain nothing.

import { WrittenNumber } from "../../json.ts";
import { isObject, type Json, type JsonObject } from "../schema/json-value.ts";
import { enforceablePattern } from "./pattern.ts";

/** Keywords whose value is a schema, a list of schemas, or an object of schemas. */
export const SCHEMA_KEYWORDS: Readonly<Record<string, "one" | "list" | "map" | "one or list">> = {
  items: "one or list",
  additionalItems: "one",
  prefixItems: "list",
  additionalProperties: "one",
  properties: "map",
  patternProperties: "map",
  allOf: "list",
  anyOf: "list",
  oneOf: "list",
};

/** Keywords that constrain the output but cannot be enforced. */
export const UNENFORCED_KEYWORDS: readonly string[] = [
  ...["not", "if", "then", "else", "dependencies", "dependentRequired", "dependentSchemas"],
  ...["uniqueItems", "contains", "minContains", "maxContains", "propertyNames"],
  ...["unevaluatedItems", "unevaluatedProperties"],
  ...["$dynamicRef", "$recursiveRef"],
];

/** Maximum number of values in an enumeration, of levels within one, and of properties in one object. */
const MAX_VALUES = 10_000;
const MAX_VALUE_DEPTH = 20;
export const MAX_PROPERTIES = 1000;

const TYPES = ["null", "boolean", "number", "integer", "string", "array", "object"];

const FORMATS = [
  ...["date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid", "uri"],
  "unknown",
];

/** Checks of whether a value can be enforced, for keywords with other kinds of values. */
export const VALUE_KEYWORDS: Readonly<Record<string, (value: Json | undefined) => boolean>> = {
  type: (value) => (Array.isArray(value) ? value.length > 0 && value.every(isType) : isType(value)),
  const: (value) => isShallow(value, 0),
  enum: (value) =>
    Array.isArray(value) &&
    value.length > 0 &&
    value.length <= MAX_VALUES &&
    value.every((item) => isShallow(item, 0)),
  required: (value) => Array.isArray(value) && value.every((name) => typeof name === "string"),
  minimum: isBound,
  maximum: isBound,
  exclusiveMinimum: isExclusiveBound,
  exclusiveMaximum: isExclusiveBound,
  multipleOf: isDivisor,
  minLength: isCount,
  maxLength: isCount,
  minItems: isCount,
  maxItems: isCount,
  minProperties: isCount,
  maxProperties: isCount,
  pattern: (value) => typeof value === "string" && enforceablePattern(value) !== null,
  format: (value) => typeof value === "string" && FORMATS.includes(value),
};

/** @returns whether a keyword that cannot be enforced allows everything, as `"uniqueItems": false` does */
export function isTrivial(keyword: string, schema: JsonObject): boolean {
  const value = schema[keyword];
  if (keyword === "then" || keyword === "else") return schema["if"] === undefined;
  if (keyword === "if") return schema["then"] === undefined && schema["else"] === undefined;
  if (keyword === "minContains" || keyword === "maxContains") {
    return schema["contains"] === undefined;
  }
  if (keyword === "format") return !allowsType(schema, "string");
  if (keyword === "required") return typeof value === "boolean";
  if (keyword === "uniqueItems" || keyword === "not") return value === false;
  if (keyword.startsWith("unevaluated") || keyword === "propertyNames") {
    return value === true || (isObject(value) && Object.keys(value).length === 0);
  }
  return false;
}

function allowsType({ type }: JsonObject, name: string): boolean {
  if (type === undefined) return true;
  return Array.isArray(type) ? type.includes(name) : type === name;
}

const isType = (value: Json | undefined) => typeof value === "string" && TYPES.includes(value);

/** @returns the number; NaN for values of other types */
function numberOf(value: Json | undefined): number {
  if (value instanceof WrittenNumber) return Number(value.text);
  return typeof value === "number" || typeof value === "bigint" ? Number(value) : Number.NaN;
}

function isBound(value: Json | undefined): boolean {
  return Math.abs(numberOf(value)) < 1e17;
}

/** Whether a bound can be enforced. In draft 4, it is a Boolean. */
function isExclusiveBound(value: Json | undefined): boolean {
  return typeof value === "boolean" || isBound(value);
}

function isCount(value: Json | undefined): boolean {
  const count = numberOf(value);
  return Number.isSafeInteger(count) && count >= 0;
}

/** Maximum divisor, since compile time grows with the square of the number of digits. */
const MAX_DIVISOR = 10_000;

function isDivisor(value: Json | undefined): boolean {
  const divisor = numberOf(value);
  if (!(divisor >= 1e-9 && divisor < 1e15)) return false;
  const [digits = ""] = divisor.toExponential().split("e");
  return Number(digits.replace(".", "")) <= MAX_DIVISOR;
}

function isShallow(value: Json | undefined, depth: number): boolean {
  if (typeof value !== "object" || value === null || value instanceof WrittenNumber) return true;
  return (
    depth < MAX_VALUE_DEPTH && Object.values(value).every((item) => isShallow(item, depth + 1))
  );
}
