// Errors in bodies, with pydantic's types and wording. This is the only place that maps the schema library's issues to
// the text that clients see. All errors in a body are reported together, as in vLLM.

import { Kind, type TSchema } from "@sinclair/typebox";
import { type ValueError, ValueErrorType } from "@sinclair/typebox/errors";
import { RequestError } from "../errors.ts";
import { shortened } from "./quote.ts";
import { isObject, type Json, type JsonObject } from "./schema/json-value.ts";
import { toInteger, toNumber } from "./schema/lax-values.ts";
import { type LaxKind, readAs } from "./schema/types.ts";

/** Path of a value in a request, such as ["body", "tools", 0, "name"]. */
export type Location = readonly (string | number)[];

/** Pydantic's name for an error, and its message. */
type Fault = readonly [type: string, message: string];

/** A value that its schema does not accept. */
interface Issue {
  readonly schema: TSchema;
  /** Undefined for a missing member. */
  readonly value: Json | undefined;
  /** JSON pointer from the body to the value, or to the container of `key`. */
  readonly path: string;
  readonly key: string | number | null;
}

/** Maximum number of errors to list in a response; the rest are only counted. */
const MAX_SHOWN = 20;

/** Maximum number of errors that are counted: a body can have millions, and each takes a microsecond or more. */
const MAX_COUNTED = 100_000;

/** @returns a RequestError "invalid_schema" with a body's errors, for the caller to throw */
export function schemaFault(errors: Iterable<ValueError>, body: JsonObject): RequestError {
  const lines: string[] = [];
  let count = 0;
  for (const issue of issuesOf(errors)) {
    if (count++ < MAX_SHOWN)
      lines.push(lineOf(faultOf(issue), ["body", ...locationIn(body, issue)]));
    if (count === MAX_COUNTED) break;
  }
  if (count > MAX_SHOWN) lines.push(`  and ${count - MAX_SHOWN} more`);
  return faultError(count, lines);
}

/** @returns a RequestError "invalid_schema" with this error, for the caller to throw */
export function bodyFault(type: string, location: Location, message: string): RequestError {
  return faultError(1, [lineOf([type, message], location)]);
}

function faultError(count: number, lines: readonly string[]): RequestError {
  const number = count < MAX_COUNTED ? String(count) : `at least ${count}`;
  const head = `${number} validation error${count === 1 ? "" : "s"}:`;
  return new RequestError("invalid_schema", [head, ...lines].join("\n"));
}

function lineOf([type, message]: Fault, location: Location): string {
  const loc = location.map(locationText).join(", ");
  const tuple = location.length === 1 ? `(${loc},)` : `(${loc})`;
  return `  {'type': '${type}', 'loc': ${tuple}, 'msg': ${pythonText(message)}}`;
}

/** Quotes a string as Python's repr() would. The string must not contain control characters. */
function pythonText(text: string): string {
  if (text.includes("'") && !text.includes('"')) return `"${text}"`;
  return `'${text.replaceAll("'", "\\'")}'`;
}

/** Shortens member names, since clients choose them and they can be as long as the body. */
function locationText(part: string | number): string {
  return typeof part === "number" ? String(part) : `'${shortened(part)}'`;
}

/** @returns the keys that lead from the body to a value; keys of list items are numbers */
function locationIn(body: JsonObject, { path, key }: Issue): Location {
  let value: Json | undefined = body;
  const keys = keysOf(path).map((name) => {
    const isList = Array.isArray(value);
    value = (value as JsonObject | undefined)?.[name];
    return isList ? Number(name) : name;
  });
  return key === null ? keys : [...keys, key];
}

/** @returns the keys in a JSON pointer */
function keysOf(path: string): string[] {
  const parts = path.split("/").slice(1);
  return parts.map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
}

function* issuesOf(errors: Iterable<ValueError>): Generator<Issue> {
  for (const error of errors) {
    // A missing member is reported again for its own schema, with an undefined value.
    if (error.type !== ValueErrorType.ObjectRequiredProperty) yield* issuesIn(error);
  }
}

function* issuesIn({ type, schema, path, value, errors }: ValueError): Generator<Issue> {
  const isField = path.lastIndexOf("/") === 0;
  const isMissing = value === undefined || (value === null && isField);
  if (isMissing) yield { schema, value: undefined, path, key: null };
  else if (type === ValueErrorType.Union) yield* issuesOf(errors[branchOf(schema)] ?? []);
  else if (holdsItems(schema, value as Json)) yield* itemIssues(schema, path, value as JsonObject);
  else yield { schema, value: value as Json, path, key: null };
}

/** @returns the index of a union's last type other than null */
function branchOf({ anyOf }: TSchema): number {
  return (anyOf as readonly TSchema[]).findLastIndex((schema) => schema[Kind] !== "Null");
}

/** @returns whether a value is refused only because of its items */
function holdsItems({ [Kind]: kind }: TSchema, value: Json): boolean {
  return kind === "LaxIntegers" ? Array.isArray(value) : kind === "LaxRecord" && isObject(value);
}

function* itemIssues(container: TSchema, path: string, values: JsonObject): Generator<Issue> {
  const schema: TSchema = container["items"] ?? container["additionalProperties"];
  const entries: Iterable<[string | number, Json]> = Array.isArray(values)
    ? values.entries()
    : Object.entries(values);
  for (const [key, value] of entries) {
    if (readAs(schema, value) === null) yield { schema, value, path, key };
  }
}

function faultOf({ schema, value }: Issue): Fault {
  if (value === undefined) return ["missing", "Field required"];
  return FAULTS[schema[Kind] as keyof typeof FAULTS](value, schema);
}

const FAULTS: Readonly<
  Record<LaxKind | "String" | "Array" | "Object", (value: Json, schema: TSchema) => Fault>
> = {
  String: () => ["string_type", "Input should be a valid string"],
  Array: () => LIST,
  LaxIntegers: () => LIST,
  // Pydantic's models have titles; its typed dictionaries do not.
  Object: (_, { title }) => (title === undefined ? DICTIONARY : MODEL),
  Dictionary: () => DICTIONARY,
  LaxRecord: () => DICTIONARY,
  LaxInteger: integerFault,
  LaxFloat: (value) =>
    typeof value === "string"
      ? ["float_parsing", "Input should be a valid number, unable to parse string as a number"]
      : ["float_type", "Input should be a valid number"],
  LaxBoolean: (value) =>
    ["string", "number", "bigint"].includes(typeof value)
      ? ["bool_parsing", "Input should be a valid boolean, unable to interpret input"]
      : ["bool_type", "Input should be a valid boolean"],
  Choice: (_, schema) => ["literal_error", `Input should be ${choicesText(schema)}`],
  Prompts: () => [
    "union_error",
    "Input should be a valid string, list of strings, list of integers or list of lists of integers",
  ],
};

const LIST: Fault = ["list_type", "Input should be a valid list"];
const DICTIONARY: Fault = ["dict_type", "Input should be a valid dictionary"];
const MODEL: Fault = [
  "model_attributes_type",
  "Input should be a valid dictionary or object to extract fields from",
];

function integerFault(value: Json, { minimum, maximum }: TSchema): Fault {
  const number = toNumber(value);
  const integer = toInteger(value);
  if (integer !== null) {
    return integer < minimum
      ? ["greater_than_equal", `Input should be greater than or equal to ${minimum}`]
      : ["less_than_equal", `Input should be less than or equal to ${maximum}`];
  }
  const [type, tail] = integerTail(value, number);
  return [type, `Input should be a valid integer${tail}`];
}

function integerTail(value: Json, number: number): Fault {
  if (typeof value === "string") {
    return ["int_parsing", ", unable to parse string as an integer"];
  }
  if (typeof value !== "number") return ["int_type", ""];
  return number % 1 === 0 || Math.abs(number) === Number.POSITIVE_INFINITY
    ? ["int_parsing_size", ", the number is too large"]
    : ["int_from_float", ", got a number with a fractional part"];
}

/** @returns e.g. "'a', 'b' or 'c'" */
function choicesText(schema: TSchema): string {
  const quoted = (schema["enum"] as readonly string[]).map((choice) => `'${choice}'`);
  return [quoted.slice(0, -1).join(", "), quoted.at(-1)].join(" or ");
}
