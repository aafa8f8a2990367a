// JSON as clients in any language read and write it: integers of any size keep their digits, text is always
// well-formed Unicode, and objects keep the order of their members.

/** A whole number, as a bigint where a number would not be exact. */
export type Integer = number | bigint;

/** Matches an integer of 16 digits or more where a value stands. */
const LONG_INTEGER = /[[:,\s]-?\d{16,}\s*[,\]}]/;
/** Longer integers stay numbers: the time to make a bigint grows with the square of its length. */
const MAX_INTEGER_DIGITS = 40;

/**
 * Parses JSON. An integer that a number cannot hold becomes a bigint; half a surrogate pair becomes U+FFFD.
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

/**
 * Writes JSON as JSON.stringify() does, plus bigints, Maps (objects in their order) and halves of surrogate
 * pairs.
 */
export function writeJson(value: unknown): string {
  return isNative(value) ? wellFormedJson(JSON.stringify(value) ?? "null") : composed(value);
}

/** Replaces each half of a surrogate pair in JSON text by U+FFFD. */
export function wellFormedJson(text: string): string {
  return SURROGATE_ESCAPE.test(text) ? replaceLoneSurrogates(text) : text;
}

/** Whether JSON.stringify() itself can write the value, which is much faster. */
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
/** Matches whole pairs first, then halves; skips any other escape and anything that is not an escape. */
const ESCAPES =
  /\\(?:u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2}|u[dD][89a-fA-F][\da-fA-F]{2}|.)/gs;

/**
 * Replaces escapes only: text that was decoded from UTF-8 or written by JSON.stringify() has no other halves.
 */
function replaceLoneSurrogates(text: string): string {
  return text.replace(ESCAPES, (found) => (found.length === 6 ? "\\ufffd" : found));
}
