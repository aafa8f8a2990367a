// Reads and writes JSON that is compatible with clients in all languages: integers of any size keep their digits,
// text is always well-formed Unicode, and objects keep the order of their members.

/** A whole number; a bigint if a number would not be exact. */
export type Integer = number | bigint;

/** A number as its JSON text, if JavaScript would write it differently, such as 1.0 (as 1) or 1e400 (as null). */
export class WrittenNumber {
  constructor(readonly text: string) {}
}

/** Matches an integer of 16 digits or more where a value is expected. */
const LONG_INTEGER = /[[:,\s]-?\d{16,}\s*[,\]}]/;
/** Also matches every float that could be whole or infinite and every numeric name, with false positives. */
const UNUSUAL = /[[:,\s]-?\d+(?:\.0+\s*[,\]}]|(?:\.\d+)?[eE])|\d[\d.]{15}|"\d+"\s*:/;
/** Integers with fewer digits are exact as numbers. */
const MIN_LONG_DIGITS = 16;
/** Longer integers do not become bigints, because conversion takes time quadratic in the length. */
const MAX_INTEGER_DIGITS = 40;

/**
 * Parses JSON. An integer that a number cannot hold becomes a bigint; a lone surrogate becomes U+FFFD.
 * @param written members of the outer object in which whole or infinite floats and integers of more than 40
 *   digits become WrittenNumbers instead of numbers, and writeJson() keeps the order of members in objects
 * @throws SyntaxError
 */
export function parseJson(text: string, written: readonly string[] = []): unknown {
  const wellFormed = wellFormedJson(text);
  const value: unknown = JSON.parse(wellFormed);
  const isUnusual = (written.length > 0 ? UNUSUAL : LONG_INTEGER).test(wellFormed);
  return isUnusual ? new ExactReader(wellFormed, written).read() : value;
}

/**
 * Reads text that JSON.parse() has accepted. A reviver passed to JSON.parse() could also see the digits of numbers,
 * but takes a second for a million numbers.
 */
class ExactReader {
  readonly #text: string;
  readonly #written: readonly string[];
  #pos = 0;
  /** Position of the next backslash. */
  #backslash: number;
  #depth = 0;
  #isWritten = false;

  constructor(text: string, written: readonly string[]) {
    this.#text = text;
    this.#written = written;
    this.#backslash = positionOf(text, "\\", 0);
  }

  read(): unknown {
    switch (this.#next()) {
      case '"':
        return this.#string();
      case "[":
        return this.#array();
      case "{":
        return this.#object();
      case "t":
        return this.#skip(4, true);
      case "f":
        return this.#skip(5, false);
      case "n":
        return this.#skip(4, null);
      default:
        return this.#number();
    }
  }

  /** Skips whitespace. @returns the character after it */
  #next(): string {
    while (this.#text.charCodeAt(this.#pos) <= BLANK) this.#pos++;
    return this.#text[this.#pos] ?? "";
  }

  #skip<T>(length: number, value: T): T {
    this.#pos += length;
    return value;
  }

  /** Skips the comma between items or the closing bracket. @returns true if another item follows */
  #goesOn(close: string): boolean {
    const isEnd = this.#next() === close;
    this.#pos++;
    return !isEnd;
  }

  #array(): unknown[] {
    const items: unknown[] = [];
    this.#pos++;
    if (this.#next() === "]") return this.#skip(1, items);
    this.#depth++;
    do items.push(this.read());
    while (this.#goesOn("]"));
    this.#depth--;
    return items;
  }

  #object(): Record<string, unknown> {
    const members: Record<string, unknown> = {};
    this.#pos++;
    if (this.#next() === "}") return this.#skip(1, members);
    const isOuter = this.#depth++ === 0;
    const names: string[] | null = this.#isWritten && !isOuter ? [] : null;
    do {
      this.#next();
      const name = this.#string();
      this.#next();
      this.#pos++;
      names?.push(name);
      if (isOuter) this.#isWritten = this.#written.includes(name);
      const value = this.read();
      // Assigning to this name would set the prototype.
      if (name === "__proto__") Object.defineProperty(members, name, { ...OWN, value });
      else members[name] = value;
    } while (this.#goesOn("}"));
    this.#depth--;
    if (names !== null) keepOrder(members, names);
    return members;
  }

  #string(): string {
    const text = this.#text;
    const start = this.#pos;
    let end = text.indexOf('"', start + 1);
    if (this.#backslash > end) {
      this.#pos = end + 1;
      return text.slice(start + 1, end);
    }
    while (this.#backslash < end) {
      const next = this.#backslash + 2;
      if (next > end) end = text.indexOf('"', next);
      this.#backslash = positionOf(text, "\\", next);
    }
    this.#pos = end + 1;
    return JSON.parse(text.slice(start, end + 1)) as string;
  }

  #number(): number | bigint | WrittenNumber {
    return this.#shortInteger() ?? this.#anyNumber();
  }

  /** Reads a short integer, the most common kind of number, without copying its text. @returns null for others */
  #shortInteger(): number | null {
    const text = this.#text;
    let pos = this.#pos;
    let number = 0;
    let code = text.charCodeAt(pos);
    while (code >= DIGIT_0 && code <= DIGIT_9) {
      number = number * 10 + code - DIGIT_0;
      code = text.charCodeAt(++pos);
    }
    const numDigits = pos - this.#pos;
    if (numDigits === 0 || numDigits >= MIN_LONG_DIGITS || NUMBER_SIGNS.includes(code)) return null;
    this.#pos = pos;
    return number;
  }

  #anyNumber(): number | bigint | WrittenNumber {
    const start = this.#pos;
    let isInteger = true;
    for (;;) {
      const code = this.#text.charCodeAt(this.#pos);
      // At the end of the text, the code is NaN, which is not a digit.
      if (!(code >= DIGIT_0 && code <= DIGIT_9)) {
        if (!NUMBER_SIGNS.includes(code)) break;
        isInteger &&= this.#pos === start;
      }
      this.#pos++;
    }
    const text = this.#text.slice(start, this.#pos);
    return isInteger ? this.#integer(text) : this.#float(text);
  }

  #integer(text: string): number | bigint | WrittenNumber {
    const number = Number(text);
    if (Number.isSafeInteger(number)) return number;
    if (text.length <= MAX_INTEGER_DIGITS) return BigInt(text);
    return this.#isWritten ? new WrittenNumber(text) : number;
  }

  #float(text: string): number | WrittenNumber {
    const number = Number(text);
    const isPlain = Number.isFinite(number) && !Number.isInteger(number);
    return isPlain || !this.#isWritten ? number : new WrittenNumber(text);
  }
}

/** Member names in text order, set if JavaScript's order (numeric names first) is different. */
const ORDER = Symbol("order");

interface Ordered {
  readonly [ORDER]?: readonly string[];
}

/** Maximum number of members in an object whose order is kept. */
export const MAX_ORDERED_MEMBERS = 1024;

function keepOrder(members: object, names: readonly string[]): void {
  if (names.length > MAX_ORDERED_MEMBERS || !names.some((name) => WHOLE_NUMBER.test(name))) return;
  const order = [...new Set(names)];
  const isKept = Object.keys(members).every((name, i) => name === order[i]);
  if (!isKept) Object.defineProperty(members, ORDER, { value: order });
}

const WHOLE_NUMBER = /^\d+$/;
const BLANK = 0x20;
const DIGIT_0 = 0x30;
const DIGIT_9 = 0x39;
/** Characters of numbers besides digits: . - e E +, the most common first. */
const NUMBER_SIGNS: readonly number[] = [0x2e, 0x2d, 0x65, 0x45, 0x2b];
const OWN = { enumerable: true, configurable: true, writable: true };

function positionOf(text: string, sign: string, from: number): number {
  const at = text.indexOf(sign, from);
  return at === -1 ? Number.POSITIVE_INFINITY : at;
}

/**
 * Writes JSON as JSON.stringify() does, and also bigints, WrittenNumbers, and Maps (as objects in the Map's order).
 * Lone surrogates become U+FFFD.
 */
export function writeJson(value: unknown): string {
  const text = isNative(value) ? JSON.stringify(value) : composed(value);
  return wellFormedJson(text ?? "null");
}

/** Replaces lone surrogates in JSON text with U+FFFD. */
export function wellFormedJson(text: string): string {
  return SURROGATE_ESCAPE.test(text) ? replaceLoneSurrogates(text) : text;
}

/** @returns true if JSON.stringify() itself can write the value, which is much faster */
function isNative(value: unknown): boolean {
  if (typeof value === "bigint") return false;
  if (typeof value !== "object" || value === null) return true;
  if (Array.isArray(value)) return value.every(isNative);
  if (value instanceof Map || value instanceof WrittenNumber || ORDER in value) return false;
  for (const name in value) {
    if (!isNative((value as Record<string, unknown>)[name])) return false;
  }
  return true;
}

function composed(value: unknown): string {
  if (typeof value === "bigint") return String(value);
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  if (value instanceof WrittenNumber) return value.text;
  if (Array.isArray(value)) return `[${value.map(composed).join(",")}]`;
  const entries: Iterable<[unknown, unknown]> =
    value instanceof Map ? value : orderedEntries(value);
  const members: string[] = [];
  for (const [name, member] of entries) {
    if (member !== undefined) members.push(`${JSON.stringify(String(name))}:${composed(member)}`);
  }
  return `{${members.join(",")}}`;
}

function orderedEntries(value: object & Ordered): [string, unknown][] {
  const members = value as Readonly<Record<string, unknown>>;
  return value[ORDER]?.map((name) => [name, members[name]]) ?? Object.entries(value);
}

const SURROGATE_ESCAPE = /\\u[dD][89a-fA-F]/;
/** Matches surrogate pairs, lone surrogates, and all other escapes, in this order. */
const ESCAPES =
  /\\(?:u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2}|u[dD][89a-fA-F][\da-fA-F]{2}|.)/gs;

/**
 * Replaces only escapes, since text decoded from UTF-8 or written by JSON.stringify() has no other lone surrogates.
 */
function replaceLoneSurrogates(text: string): string {
  return text.replace(ESCAPES, (found) => (found.length === 6 ? "\\ufffd" : found));
}
