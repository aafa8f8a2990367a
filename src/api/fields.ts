// A small table-driven reader for JSON bodies, with pydantic's lax coercions and wording: numeric strings count
// as numbers, 1.0 counts as an integer, null means "not given", and unknown fields are ignored. All errors in a
// body are collected and reported together, as in vLLM.

import { RequestError } from "../errors.ts";
import { type Integer, WrittenNumber } from "../json.ts";
import { shortened } from "./quote.ts";

export type Json = null | boolean | Integer | WrittenNumber | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json;
}

type Location = readonly (string | number)[];

/** Maximum number of errors that a response lists; the rest are only counted. */
const MAX_SHOWN = 20;

/** Collects the errors in a body. */
class Issues {
  readonly #lines: string[] = [];
  #count = 0;

  add(type: string, location: Location, message: string): void {
    this.#count++;
    if (this.#count > MAX_SHOWN) return;
    const loc = location.map(locationText).join(", ");
    const tuple = location.length === 1 ? `(${loc},)` : `(${loc})`;
    this.#lines.push(`  {'type': '${type}', 'loc': ${tuple}, 'msg': ${pythonText(message)}}`);
  }

  /** @throws RequestError "invalid_schema" if there are errors */
  raise(): void {
    if (this.#count > 0) throw this.toError();
  }

  toError(): RequestError {
    const head = `${this.#count} validation error${this.#count === 1 ? "" : "s"}:`;
    const rest = this.#count > MAX_SHOWN ? [`  and ${this.#count - MAX_SHOWN} more`] : [];
    return new RequestError("invalid_schema", [head, ...this.#lines, ...rest].join("\n"));
  }
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

/** @returns a RequestError "invalid_schema" with this error, for the caller to throw */
export function bodyFault(type: string, location: Location, message: string): RequestError {
  const issues = new Issues();
  issues.add(type, location, message);
  return issues.toError();
}

/** Reads a value that is present. Returns undefined after adding an issue. */
export type Reader<T> = (value: Json, location: Location, issues: Issues) => T | undefined;

/** A body field: its reader, and the value to use if it is absent or null. */
export interface Field<T> {
  readonly read: Reader<T>;
  readonly fallback: T;
  readonly isRequired: boolean;
  /** Set if null is kept and differs from an absent field. */
  readonly keepsNull?: true;
}

export function optional<T>(read: Reader<T>): Field<T | null>;
export function optional<T>(read: Reader<T>, fallback: T): Field<T>;
export function optional<T>(read: Reader<T>, fallback: T | null = null): Field<T | null> {
  return { read, fallback, isRequired: false };
}

/** Creates an optional field that keeps null and is undefined if absent. */
export function nullable<T>(read: Reader<T>): Field<T | null | undefined> {
  return { read, fallback: undefined, isRequired: false, keepsNull: true };
}

export function required<T>(read: Reader<T>): Field<T | null> {
  return { read, fallback: null, isRequired: true };
}

/** Fields for the properties of a body of type T. */
export type Fields<T> = { readonly [K in keyof T]: Field<T[K]> };
export type Parsed<F> = F extends Fields<infer T> ? Readonly<T> : never;

/** @throws RequestError "invalid_schema" that lists the errors in all fields */
export function parseBody<T>(fields: Fields<T>, body: JsonObject): T {
  const issues = new Issues();
  const parsed: Record<string, unknown> = {};
  for (const [name, field] of Object.entries<Field<unknown>>(fields)) {
    const value = body[name];
    if (value === null && field.keepsNull) {
      parsed[name] = null;
    } else if (value === undefined || value === null) {
      if (field.isRequired) issues.add("missing", ["body", name], "Field required");
      parsed[name] = field.fallback;
    } else {
      parsed[name] = field.read(value, ["body", name], issues);
    }
  }
  issues.raise();
  return parsed as T;
}

/** @returns the fields of a parsed body that differ from their fallbacks */
export function fieldsSaid<T extends object>(fields: Fields<T>, body: T): Partial<T> {
  const names = Object.keys(body) as (keyof T)[];
  const given = names.filter((name) => body[name] !== fields[name].fallback);
  return Object.fromEntries(given.map((name) => [name, body[name]])) as Partial<T>;
}

export const string: Reader<string> = (value, location, issues) => {
  if (typeof value === "string") return value.toWellFormed();
  issues.add("string_type", location, "Input should be a valid string");
  return undefined;
};

export const float: Reader<number> = (value, location, issues) => {
  const number = toNumber(value);
  if (Number.isFinite(number)) return number;
  const [type, tail] =
    typeof value === "string"
      ? ["float_parsing", ", unable to parse string as a number"]
      : ["float_type", ""];
  issues.add(type, location, `Input should be a valid number${tail}`);
  return undefined;
};

export const integer: Reader<Integer> = (value, location, issues) => {
  const read = toInteger(value);
  if (read !== null) return read;
  const [type, tail] = integerFault(value, toNumber(value));
  issues.add(type, location, `Input should be a valid integer${tail}`);
  return undefined;
};

function integerFault(value: Json, number: number): [string, string] {
  if (typeof value === "string") {
    return ["int_parsing", ", unable to parse string as an integer"];
  }
  if (typeof value !== "number") return ["int_type", ""];
  return number % 1 === 0 || Math.abs(number) === Number.POSITIVE_INFINITY
    ? ["int_parsing_size", ", the number is too large"]
    : ["int_from_float", ", got a number with a fractional part"];
}

const TRUTHS: ReadonlyMap<Json, boolean> = new Map<Json, boolean>([
  ...[1, "1", "true", "t", "yes", "y", "on"].map((text) => [text, true] as const),
  ...[0, "0", "false", "f", "no", "n", "off"].map((text) => [text, false] as const),
]);

export const boolean: Reader<boolean> = (value, location, issues) => {
  if (typeof value === "boolean") return value;
  const known = value instanceof WrittenNumber ? toNumber(value) : value;
  const truth = TRUTHS.get(typeof known === "string" ? known.toLowerCase() : known);
  if (truth !== undefined) return truth;
  const isScalar = ["string", "number", "bigint"].includes(typeof value);
  const [type, tail] = isScalar
    ? ["bool_parsing", ", unable to interpret input"]
    : ["bool_type", ""];
  issues.add(type, location, `Input should be a valid boolean${tail}`);
  return undefined;
};

export const object: Reader<JsonObject> = (value, location, issues) => {
  if (isObject(value)) return value;
  issues.add("dict_type", location, "Input should be a valid dictionary");
  return undefined;
};

/** Accepts any value unchanged. */
export const anything: Reader<Json> = (value) => value;

export function list<T>(item: Reader<T>): Reader<readonly T[]> {
  return (value, location, issues) => {
    if (!Array.isArray(value)) {
      issues.add("list_type", location, "Input should be a valid list");
      return undefined;
    }
    const items: T[] = [];
    // One location for all items, since lists can have millions; readers that extend it make a copy.
    const place = [...location, 0];
    for (let i = 0; i < value.length; i++) {
      place[location.length] = i;
      const read = item(value[i], place, issues);
      if (read === undefined) return undefined;
      items.push(read);
    }
    return items;
  };
}

const anyIntegers = list(integer);

/** A list of integers. It can have millions, so it is copied only if an item needs conversion. */
export const integers: Reader<readonly Integer[]> = (value, location, issues) =>
  Array.isArray(value) && value.every(Number.isSafeInteger)
    ? value
    : anyIntegers(value, location, issues);

/** An object whose values all have the same type. */
export function record<T>(item: Reader<T>): Reader<Readonly<Record<string, T>>> {
  return (value, location, issues) => {
    const entries = Object.entries(object(value, location, issues) ?? {});
    const read = entries.map(([key, element]) => [key, item(element, [...location, key], issues)]);
    return Object.fromEntries(read);
  };
}

/** A string or a list of strings. */
export const stringOrList: Reader<readonly string[]> = (value, location, issues) =>
  typeof value === "string" ? [value.toWellFormed()] : list(string)(value, location, issues);

export function isObject(value: Json | undefined): value is JsonObject {
  const isContainer = typeof value === "object" && value !== null && !Array.isArray(value);
  return isContainer && !(value instanceof WrittenNumber);
}

/**
 * Matches only decimal numbers; Number() would also accept "0x10" and the empty string. Each digit can match in
 * only one way, so even long text is rejected quickly.
 */
const DECIMAL = /^\s*[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?\s*$/i;

function toNumber(value: Json): number {
  if (typeof value === "number") return value;
  if (typeof value === "bigint") return Number(value);
  if (value instanceof WrittenNumber) return Number(value.text);
  if (typeof value === "boolean") return Number(value);
  if (typeof value === "string" && DECIMAL.test(value)) return Number(value);
  return Number.NaN;
}

/** Matches whole numbers that are short enough to convert to a bigint quickly. */
const WHOLE = /^\s*(?:\+(?=\d))?(-?\d{1,40})(?:\.0*)?\s*$/;

/** @returns null for a value that is not an integer, or for a float of 2 ** 63 or more in magnitude */
function toInteger(value: Json): Integer | null {
  if (typeof value === "bigint") return narrowest(value);
  const digits = typeof value === "string" ? WHOLE.exec(value)?.[1] : undefined;
  if (digits !== undefined) return narrowest(BigInt(digits));
  const number = toNumber(value);
  if (!Number.isInteger(number) || Math.abs(number) >= 2 ** 63) return null;
  return narrowest(number);
}

function narrowest(value: Integer): Integer {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : BigInt(value);
}
