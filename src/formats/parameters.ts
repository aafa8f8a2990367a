// Parameters of a tool, or properties of any object, in grammars.

import type { Lark, Schema } from "./lark.ts";
import { definitionsOf } from "./schema-types.ts";

export interface Parameter {
  readonly name: string;
  readonly schema: Schema;
  readonly isRequired: boolean;
}

/** @returns the properties of an object's schema, in order, each with the definitions of the whole schema */
export function parametersOf(schema: Schema): Parameter[] {
  const properties = Object.entries((schema["properties"] ?? {}) as Schema);
  const required = Array.isArray(schema["required"]) ? schema["required"] : [];
  const shared = definitionsOf(schema);
  return properties.map(([name, value]) => ({
    name,
    schema: { ...(typeof value === "object" && value !== null ? value : {}), ...shared },
    isRequired: required.includes(name),
  }));
}

/** @returns the members in order, with separators between members that are present. Optional members can be absent. */
export function separated(
  parameters: readonly Parameter[],
  members: readonly string[],
  lark: Lark,
  separator = ", ",
): string {
  const required = parameters.map(({ isRequired }) => isRequired);
  const firsts: string[] = [];
  let rest = "";
  for (let i = members.length - 1; i >= 0; i--) {
    firsts.unshift(`${members[i]} ${rest}`);
    const own = `(${lark.text(separator)} ${members[i]})${required[i] === true ? "" : "?"}`;
    rest = lark.rule(`${own} ${rest}`);
  }
  const firstRequired = required.indexOf(true);
  if (firsts.length === 0) return "";
  if (firstRequired === -1) return `(${firsts.join(" | ")})?`;
  return `(${firsts.slice(0, firstRequired + 1).join(" | ")})`;
}

/** Largest bound to enforce, since larger ones would need too many states. */
const MAX_LENGTH = 1000;

/** @returns a regular-expression quantifier for the string length that the schema requires */
export function lengthOf({ minLength = 0, maxLength = null }: Schema): string {
  const least = Math.min(Number(minLength), MAX_LENGTH);
  const isBounded = maxLength !== null && Number(maxLength) <= MAX_LENGTH;
  return least === 0 && !isBounded ? "*" : `{${least},${isBounded ? Number(maxLength) : ""}}`;
}
