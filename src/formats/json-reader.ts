// Reads JSON from streamed text without building values: finds where a value ends and passes its text on as it
// arrives. Checks only brackets and quotes.

import type { Parsing, TextReader, TextSink } from "./text-reader.ts";

/** Maximum nesting of brackets. */
const MAX_DEPTH = 64;
/** Maximum length of a key or a name, in UTF-16 units. */
const MAX_NAME = 1024;

/** Reads a value. @returns false if the text is not a JSON value or ends within one */
export function* readValue(reader: TextReader, sink: TextSink): Parsing<boolean> {
  const first = yield* reader.peek();
  if (first === "{" || first === "[") return yield* readBracketed(reader, sink);
  if (first === '"') return yield* readQuoted(reader, sink);
  const scalar = yield* reader.while(isScalarUnit);
  sink(scalar);
  return scalar !== "";
}

/** Reads a string. @returns its value; null if no string follows or it is too long */
export function* readString(reader: TextReader, maxLength = MAX_NAME): Parsing<string | null> {
  if ((yield* reader.peek()) !== '"') return null;
  let json = "";
  const isComplete = yield* readQuoted(reader, (text) => {
    if (json.length <= maxLength) json += text;
  });
  return isComplete && json.length <= maxLength ? decoded(json) : null;
}

/** Reads an object; `member` reads the value of each member. @returns false if no object follows or `member` fails */
export function* readObject(
  reader: TextReader,
  member: (key: string) => Parsing<boolean>,
): Parsing<boolean> {
  if (!(yield* reader.accept("{"))) return false;
  yield* reader.spaces();
  if (yield* reader.accept("}")) return true;
  for (;;) {
    yield* reader.spaces();
    const key = yield* readString(reader);
    if (key === null) return false;
    yield* reader.spaces();
    if (!(yield* reader.accept(":"))) return false;
    yield* reader.spaces();
    if (!(yield* member(key))) return false;
    yield* reader.spaces();
    if (yield* reader.accept("}")) return true;
    if (!(yield* reader.accept(","))) return false;
  }
}

/** Escapes text for use within a JSON string. */
export function escaped(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

function* readQuoted(reader: TextReader, sink: TextSink): Parsing<boolean> {
  let isEscaped = false;
  let isOpen = false;
  return yield* reader.scan((text, from) => {
    for (let i = from; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      if (isEscaped) isEscaped = false;
      else if (unit === BACKSLASH) isEscaped = true;
      else if (unit === QUOTE) {
        if (isOpen) return i + 1;
        isOpen = true;
      }
    }
    return -1;
  }, sink);
}

/** Reads an object or an array. */
function* readBracketed(reader: TextReader, sink: TextSink): Parsing<boolean> {
  const closing: number[] = [];
  let isInString = false;
  let isEscaped = false;
  let isBroken = false;
  const isEnded = yield* reader.scan((text, from) => {
    for (let i = from; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      if (isEscaped) isEscaped = false;
      else if (isInString) {
        if (unit === BACKSLASH) isEscaped = true;
        else if (unit === QUOTE) isInString = false;
      } else if (unit === QUOTE) isInString = true;
      else if (unit === OPEN_BRACE || unit === OPEN_BRACKET) {
        // "{" and "}" are two units apart, and so are "[" and "]".
        closing.push(unit + 2);
        isBroken = closing.length > MAX_DEPTH;
      } else if (unit === CLOSE_BRACE || unit === CLOSE_BRACKET) {
        isBroken = closing.pop() !== unit;
        if (closing.length === 0) return i + 1;
      }
      if (isBroken) return i + 1;
    }
    return -1;
  }, sink);
  return isEnded && !isBroken;
}

const QUOTE = '"'.charCodeAt(0);
const BACKSLASH = "\\".charCodeAt(0);
const OPEN_BRACE = "{".charCodeAt(0);
const CLOSE_BRACE = "}".charCodeAt(0);
const OPEN_BRACKET = "[".charCodeAt(0);
const CLOSE_BRACKET = "]".charCodeAt(0);

/** @returns true for characters that occur in numbers, true, false and null */
function isScalarUnit(unit: string): boolean {
  return /[\w.+-]/.test(unit);
}

function decoded(json: string): string | null {
  try {
    return JSON.parse(json);
  } catch {
    return null;
  }
}
