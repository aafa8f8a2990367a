// Pydantic's lax conversions: numeric strings count as numbers, 1.0 counts as an integer, and "yes" counts as true.
// Each function returns null for a value that it cannot convert.

import { type Integer, WrittenNumber } from "../../json.ts";
import type { Json } from "./json-value.ts";

/**
 * Matches only decimal numbers; Number() would also accept "0x10" and the empty string. Each digit can match in
 * only one way, so even long text is rejected quickly.
 */
const DECIMAL = /^\s*[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?\s*$/i;

/** @returns Infinity for a number that is too large, and NaN for a value that is not a number */
export function toNumber(value: Json): number {
  if (typeof value === "number") return value;
  if (typeof value === "bigint") return Number(value);
  if (value instanceof WrittenNumber) return Number(value.text);
  if (typeof value === "boolean") return Number(value);
  if (typeof value === "string" && DECIMAL.test(value)) return Number(value);
  return Number.NaN;
}

export function toFloat(value: Json): number | null {
  const number = toNumber(value);
  return Number.isFinite(number) ? number : null;
}

/** Matches whole numbers that are short enough to convert to a bigint quickly. */
const WHOLE = /^\s*(?:\+(?=\d))?(-?\d{1,40})(?:\.0*)?\s*$/;

/** @returns null if the value is not an integer, or if it is a float with a magnitude of 2 ** 63 or more */
export function toInteger(value: Json): Integer | null {
  if (typeof value === "number" && Number.isSafeInteger(value)) return value;
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

const TRUTHS: ReadonlyMap<Json, boolean> = new Map<Json, boolean>([
  ...[1, "1", "true", "t", "yes", "y", "on"].map((text) => [text, true] as const),
  ...[0, "0", "false", "f", "no", "n", "off"].map((text) => [text, false] as const),
]);

export function toBoolean(value: Json): boolean | null {
  if (typeof value === "boolean") return value;
  const known = value instanceof WrittenNumber ? toNumber(value) : value;
  return TRUTHS.get(typeof known === "string" ? known.toLowerCase() : known) ?? null;
}
