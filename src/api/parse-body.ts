// Checks bodies against their schemas, which TypeBox compiles on first use, and converts the values.

import { Type } from "@sinclair/typebox";
import { type TypeCheck, TypeCompiler } from "@sinclair/typebox/compiler";
import type { JsonObject } from "./schema/json-value.ts";
import { type Fields, fallbackOf, fieldValue, type Schema } from "./schema/types.ts";
import { schemaFault } from "./schema-faults.ts";

/** A compiled schema. */
type Check = TypeCheck<ReturnType<typeof bodySchema>>;

const CHECKS = new WeakMap<object, Check>();

/** @throws RequestError "invalid_schema", listing the errors in all fields */
export function parseBody<T>(fields: Fields<T>, body: JsonObject): T {
  const check = checkOf(fields);
  if (!check.Check(body)) throw schemaFault(check.Errors(body), body);
  const parsed: Record<string, unknown> = {};
  for (const name in fields) parsed[name] = fieldValue(fields[name], body[name]);
  return parsed as T;
}

/** Compiles a body's check, which otherwise delays its first use by several ms. */
export function prepareCheck<T>(fields: Fields<T>): void {
  checkOf(fields);
}

/** @returns a whole body's schema, which serializes to a JSON Schema */
export function bodySchema<T>(fields: Fields<T>) {
  return Type.Object({ ...fields });
}

function checkOf<T>(fields: Fields<T>): Check {
  const known = CHECKS.get(fields);
  if (known !== undefined) return known;
  const check = TypeCompiler.Compile(bodySchema(fields));
  CHECKS.set(fields, check);
  return check;
}

/** @returns those fields of a parsed body that differ from their fallbacks */
export function fieldsSaid<T extends object>(fields: Fields<T>, body: T): Partial<T> {
  const names = Object.keys(body) as (keyof T)[];
  const given = names.filter(
    (name) => body[name] !== fallbackOf<unknown>(fields[name] as Schema<unknown>),
  );
  return Object.fromEntries(given.map((name) => [name, body[name]])) as Partial<T>;
}
