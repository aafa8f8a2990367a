// Types of body fields as TypeBox schemas, which define what /openapi.json shows, what the compiled check accepts, and
// the TypeScript type of the converted value. Pagoda's own kinds accept the same values as pydantic.

import { Kind, type TSchema, Type, TypeRegistry } from "@sinclair/typebox";
import type { Integer } from "../../json.ts";
import { isObject, type Json, type JsonObject } from "./json-value.ts";
import { toBoolean, toFloat, toInteger } from "./lax-values.ts";

/**
 * Key of the function that converts a value that the check has accepted. Pagoda's own kinds return null for other
 * values.
 */
const READ = Symbol("read");

/** @returns null for a value that is not of the kind */
type Read<T> = (value: Json) => T | null;

/** Marks a field in which null differs from an absent value. */
const KEEPS_NULL = Symbol("keeps null");

/** A TypeBox schema whose values become a T. */
export interface Schema<T> extends TSchema {
  static: T;
  readonly [READ]?: Read<T>;
  readonly [KEEPS_NULL]?: true;
}

/** Schemas of the properties of a body of type T. */
export type Fields<T> = { readonly [K in keyof T]: Schema<T[K]> };
export type Parsed<F> = F extends Fields<infer T> ? Readonly<T> : never;

/** Names of the kinds that TypeBox does not have. */
export type LaxKind =
  | "LaxInteger"
  | "LaxIntegers"
  | "LaxFloat"
  | "LaxBoolean"
  | "LaxRecord"
  | "Choice"
  | "Dictionary"
  | "Prompts";

/**
 * @param shown the JSON Schema in /openapi.json
 * @param read converts a value; returns null for a value to refuse
 */
export function lax<T>(kind: LaxKind, shown: object, read: Read<T>): Schema<T> {
  TypeRegistry.Set<Schema<unknown>>(
    kind,
    (schema, value) => readAs(schema, value as Json) !== null,
  );
  return { ...Type.Unsafe<T>({ ...shown, [Kind]: kind }), [READ]: read };
}

/** @returns a schema that accepts the same values and converts them after the check */
export function converted<T, U>(schema: Schema<T>, convert: (value: T) => U): Schema<U> {
  const read = (value: Json) => convert(readAs(schema, value) as T);
  return { ...schema, [READ]: read } as Schema<unknown> as Schema<U>;
}

/** Converts a value according to its schema. */
export function readAs<T>(schema: Schema<T>, value: Json): T | null {
  const read = schema[READ];
  return read === undefined ? (value as T) : read(value);
}

export const string = converted(Type.String(), (text) => text.toWellFormed());
export const integer = lax("LaxInteger", { type: "integer" }, toInteger);
export const float = lax("LaxFloat", { type: "number" }, toFloat);
export const boolean = lax("LaxBoolean", { type: "boolean" }, toBoolean);

/** Accepts any value unchanged. */
export const anything: Schema<Json> = Type.Unsafe<Json>(Type.Unknown());

/** Any JSON object. */
export const object = lax("Dictionary", { type: "object" }, (value): JsonObject | null =>
  isObject(value) ? value : null,
);

/** @param bounds inclusive bounds */
export function integerIn(bounds: {
  readonly minimum?: Integer;
  readonly maximum?: Integer;
}): Schema<Integer> {
  const { minimum, maximum } = bounds;
  return lax("LaxInteger", { type: "integer", ...bounds }, (value) => {
    const read = toInteger(value);
    if (read === null || (minimum !== undefined && read < minimum)) return null;
    return maximum !== undefined && read > maximum ? null : read;
  });
}

/** One of several strings. */
export function oneOf<const T extends string>(...choices: readonly T[]): Schema<T> {
  return lax("Choice", { type: "string", enum: choices }, (value) =>
    choices.includes(value as T) ? (value as T) : null,
  );
}

export function list<T>(items: Schema<T>): Schema<readonly T[]> {
  const schema = Type.Unsafe<readonly T[]>(Type.Array(items));
  if (items[READ] === undefined) return schema;
  return converted(schema, (values) => values.map((value) => readAs(items, value as Json) as T));
}

/** A list of integers. It can have millions of items, so it is copied only if one of them needs conversion. */
export const integers = lax(
  "LaxIntegers",
  { type: "array", items: integer },
  (value): readonly Integer[] | null => {
    if (!Array.isArray(value)) return null;
    if (value.every(Number.isSafeInteger)) return value;
    const isReadable = value.every((item) => toInteger(item) !== null);
    return isReadable ? (value.map(toInteger) as readonly Integer[]) : null;
  },
);

/** An object whose values all have the same type. */
export function record<T>(values: Schema<T>): Schema<Readonly<Record<string, T>>> {
  const shown = { type: "object", additionalProperties: values };
  return lax("LaxRecord", shown, (value): Readonly<Record<string, T>> | null => {
    if (!isObject(value)) return null;
    const read = Object.entries(value).map(([key, one]) => [key, readAs(values, one)] as const);
    return read.some(([, one]) => one === null)
      ? null
      : (Object.fromEntries(read) as Readonly<Record<string, T>>);
  });
}

/**
 * An object with these members and any others, unchanged.
 * @param model name of the pydantic model, if the object is one: its errors differ from those of typed dictionaries
 */
export function shape(
  members: Readonly<Record<string, TSchema>>,
  model: string | null = null,
): Schema<JsonObject> {
  return Type.Unsafe<JsonObject>(Type.Object(members, model === null ? {} : { title: model }));
}

/** A value of one of several types. If it has none of them, the errors are those for the last type. */
export function either<T extends readonly unknown[]>(
  ...schemas: { readonly [K in keyof T]: Schema<T[K]> }
): Schema<T[number]> {
  return Type.Unsafe<T[number]>(Type.Union([...schemas]));
}

/** @returns a schema that looks like `shown` in /openapi.json, for values that other code checks with vLLM's messages */
export function shownAs<T>(schema: Schema<T>, shown: object): Schema<T> {
  return { ...schema, ...shown };
}

/** A string or a list of strings. */
export const stringOrList = converted(
  either(Type.String(), Type.Array(Type.String())),
  (value): readonly string[] =>
    (typeof value === "string" ? [value] : value).map((text) => text.toWellFormed()),
);

/** Creates a field that is null if absent, or `fallback` if absent or null. */
export function optional<T>(schema: Schema<T>): Schema<T | null>;
export function optional<T>(schema: Schema<T>, fallback: NoInfer<T>): Schema<T>;
export function optional<T>(schema: Schema<T>, fallback?: T): Schema<T | null> {
  const isAny: boolean = (schema as Schema<unknown>) === (anything as Schema<unknown>);
  const orNull = isAny ? schema : Type.Union([schema, Type.Null()]);
  const shown = fallback === undefined ? {} : { default: fallback };
  const field = {
    ...Type.Optional(orNull),
    ...shown,
    [READ]: (value: Json) => readAs(schema, value),
  };
  return field as Schema<unknown> as Schema<T | null>;
}

/** Creates an optional field that stays null if null and is undefined if absent. */
export function nullable<T>(schema: Schema<T>): Schema<T | null | undefined> {
  return { ...optional(schema), [KEEPS_NULL]: true };
}

/** Creates a field that must be set to a value other than null. */
export function required<T>(schema: Schema<T>): Schema<T> {
  return schema;
}

/** @returns the value of an absent field */
export function fallbackOf<T>(field: Schema<T>): T {
  return (field[KEEPS_NULL] === true ? undefined : (field.default ?? null)) as T;
}

/** @returns the value of a field in a body that the check has accepted */
export function fieldValue<T>(field: Schema<T>, given: Json | undefined): T {
  if (given === undefined || (given === null && field[KEEPS_NULL] !== true))
    return fallbackOf(field);
  return given === null ? (null as T) : (readAs(field, given) as T);
}
