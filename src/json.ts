// JSON as clients of any language write and read it: integers of any size keep their digits, text is
// always well-formed Unicode, and an object keeps the order of its members.

/** A whole number: a bigint where a number would not be exact. */
export type Integer = number | bigint;

/** An integer of 16 digits or more that stands where a value does. */
const LONG_INTEGER = /[[:,\s]-?\d{16,}\s*[,\]}]/;
/** Longer ones stay numbers: making a bigint takes time by the square of its length. */
const MAX_INTEGER_DIGITS = 40;

/**
 * An integer that no number holds becomes a bigint, half a surrogate pair U+FFFD.
 * @throws SyntaxError
 */
export function parseJson(text: string): unknown {
  const wellFormed = wellFormedJson(text);
  return LONG_INTEGER.test(wellFormed)
    ? JSON.parse(wellFormed, exactInteger)
    : JSON.parse(wellFormed);
}

function exactInteger(_key: string, value: unknown, context?: { readonly source?: string }) {
  const { source = "" } = context ?? {};
  const isExact = typeof value !== "number" || Number.isSafeInteger(value);
  if (isExact || source.length > MAX_INTEGER_DIGITS || !/^-?\d+$/.test(source)) return value;
  return BigInt(source);
}

/** As JSON.stringify() does, but for bigints, for half a surrogate pair, and for a Map: an object in its order. */
export function writeJson(value: unknown): string {
  return isNative(value) ? wellFormedJson(JSON.stringify(value) ?? "null") : composed(value);
}

/** JSON text without halves of surrogate pairs: each becomes U+FFFD. */
export function wellFormedJson(text: string): string {
  return SURROGATE_ESCAPE.test(text) ? replaceLoneSurrogates(text) : text;
}

/** Whether JSON.stringify() itself may write it, which takes a small part of the time. */
function isNative(value: unknown): boolean {
  if (typeof value === "bigint") return false;
  if (typeof value !== "object" || value === null) return true;
  if (Array.isArray(value)) return value.every(isNative);
  return !(value instanceof Map) && Object.values(value).every(isNative);
}

function composed(value: unknown): string {
  if (typeof value !== "object" || value === null) return String(value);
  if (Array.isArray(value)) return `[${value.map(writeJson).join(",")}]`;
  const entries: Iterable<[unknown, unknown]> =
    value instanceof Map ? value : Object.entries(value);
  const members: string[] = [];
  for (const [name, member] of entries) {
    if (member !== undefined) members.push(`${writeJson(String(name))}:${writeJson(member)}`);
  }
  return `{${members.join(",")}}`;
}

const SURROGATE_ESCAPE = /\\u[dD][89a-fA-F]/;
/** Whole pairs first, then what is left of them; any other escape, and what is none, is passed over. */
const ESCAPES =
  /\\(?:u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2}|u[dD][89a-fA-F][\da-fA-F]{2}|.)/gs;

/** In JSON text that was decoded from UTF-8, or that JSON.stringify() wrote, only an escape can be half a pair. */
function replaceLoneSurrogates(text: string): string {
  return text.replace(ESCAPES, (found) => (found.length === 6 ? "\\ufffd" : found));
}
