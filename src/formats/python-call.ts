// Reads calls in Python syntax: [f(a=1, b="x"), g()].

import { type CallSource, readName } from "./call-reader.ts";
import { escaped } from "./json-reader.ts";
import { type Parsing, TextReader, type TextSink } from "./text-reader.ts";

/** Maximum nesting of brackets. */
const MAX_DEPTH = 64;

/** Reads calls separated by commas, up to "]". */
export function* readPythonList(source: CallSource): Parsing<boolean> {
  const { reader } = source;
  for (;;) {
    yield* reader.spaces();
    if (!(yield* readPythonCall(source))) return false;
    yield* reader.spaces();
    if (yield* reader.accept("]")) return true;
    if (!(yield* reader.accept(","))) return false;
  }
}

/** Reads calls on separate lines, up to the end marker. */
export function* readPythonLines(source: CallSource, end: string): Parsing<boolean> {
  const { reader } = source;
  for (;;) {
    yield* reader.spaces();
    if (!(yield* readPythonCall(source))) return false;
    yield* reader.spaces();
    if ((yield* reader.accept(end)) || (yield* reader.peek()) === "") return true;
  }
}

/** Converts a complete Python literal to JSON. @returns null if the text is not a literal */
export function pythonJson(text: string): string | null {
  const reader = new TextReader();
  reader.push(text);
  reader.end();
  let json = "";
  const literal = function* (): Parsing<boolean> {
    const isRead = yield* readPython(reader, (piece) => (json += piece), 1);
    return isRead && (yield* reader.peek()) === "";
  };
  return literal().next().value === true && isJson(json) ? json : null;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function* readPythonCall({ reader, writer }: CallSource): Parsing<boolean> {
  const name = yield* readName(reader);
  if (name === "" || !(yield* reader.accept("("))) return false;
  if (!writer.call(name)) return false;
  writer.arguments("{");
  const item = function* (): Parsing<boolean> {
    const key = yield* readName(reader);
    yield* reader.spaces();
    if (key === "" || !(yield* reader.accept("="))) return false;
    yield* reader.spaces();
    writer.arguments(`${JSON.stringify(key)}: `);
    return yield* readPython(reader, writer.arguments, 1);
  };
  if (!(yield* readItems(reader, writer.arguments, ")", item))) return false;
  writer.arguments("}");
  return writer.endCall();
}

/** Reads comma-separated items after an opening bracket, up to `end`. */
function* readItems(
  reader: TextReader,
  sink: TextSink,
  end: string,
  item: () => Parsing<boolean>,
): Parsing<boolean> {
  for (let count = 0; ; count++) {
    yield* reader.spaces();
    if (yield* reader.accept(end)) return true;
    if (count > 0) {
      if (!(yield* reader.accept(","))) return false;
      yield* reader.spaces();
      // A trailing comma is allowed.
      if (yield* reader.accept(end)) return true;
      sink(", ");
    }
    if (!(yield* item())) return false;
  }
}

/** Reads a value and passes it on as JSON. @returns false for text that is not a Python or JSON literal */
function* readPython(reader: TextReader, sink: TextSink, depth: number): Parsing<boolean> {
  const first = yield* reader.peek();
  if (first === "'" || first === '"') return yield* readPythonString(reader, sink);
  if (first === "[" || first === "(") return yield* readPythonArray(reader, sink, depth);
  if (first === "{") return yield* readPythonObject(reader, sink, depth);
  const word = yield* reader.while((unit) => /[\w.+-]/.test(unit));
  const json = LITERALS.get(word) ?? word;
  sink(json);
  return LITERALS.has(word) || /^-?\d/.test(word);
}

const LITERALS: ReadonlyMap<string, string> = new Map([
  ["True", "true"],
  ["False", "false"],
  ["None", "null"],
  ...["true", "false", "null"].map((word) => [word, word] as const),
]);

function* readPythonArray(reader: TextReader, sink: TextSink, depth: number): Parsing<boolean> {
  const end = (yield* reader.accept("[")) ? "]" : ")";
  if (end === ")") yield* reader.accept("(");
  if (depth > MAX_DEPTH) return false;
  sink("[");
  const item = () => readPython(reader, sink, depth + 1);
  if (!(yield* readItems(reader, sink, end, item))) return false;
  sink("]");
  return true;
}

function* readPythonObject(reader: TextReader, sink: TextSink, depth: number): Parsing<boolean> {
  yield* reader.accept("{");
  if (depth > MAX_DEPTH) return false;
  sink("{");
  const item = function* (): Parsing<boolean> {
    if (!(yield* readPythonString(reader, sink))) return false;
    yield* reader.spaces();
    if (!(yield* reader.accept(":"))) return false;
    yield* reader.spaces();
    sink(": ");
    return yield* readPython(reader, sink, depth + 1);
  };
  if (!(yield* readItems(reader, sink, "}", item))) return false;
  sink("}");
  return true;
}

const QUOTES = ['"""', "'''", '"', "'"];

function* readPythonString(reader: TextReader, sink: TextSink): Parsing<boolean> {
  const quote = yield* reader.acceptOne(QUOTES);
  if (quote === null) return false;
  sink('"');
  for (;;) {
    const end: string | null = yield* reader.until(["\\", quote], (text) => sink(escaped(text)));
    if (end === null) return false;
    if (end === quote) break;
    sink(escaped(yield* readEscape(reader)));
  }
  sink('"');
  return true;
}

/** Python's single-character escapes. */
const ESCAPES: ReadonlyMap<string, string> = new Map([
  ["n", "\n"],
  ["t", "\t"],
  ["r", "\r"],
  ["b", "\b"],
  ["f", "\f"],
  ["\n", ""],
]);

/** Reads an escape after its backslash. @returns the character; for an unknown escape, its text */
function* readEscape(reader: TextReader): Parsing<string> {
  const unit = yield* reader.peek();
  if (unit !== "") yield* reader.accept(unit);
  const length = { x: 2, u: 4, U: 8 }[unit];
  if (length === undefined)
    return ESCAPES.get(unit) ?? ("\\\"'/".includes(unit) ? unit : `\\${unit}`);
  let digits = "";
  while (digits.length < length) {
    const digit = yield* reader.peek();
    if (!/^[\da-f]$/i.test(digit)) return `\\${unit}${digits}`;
    yield* reader.accept(digit);
    digits += digit;
  }
  const code = Number.parseInt(digits, 16);
  return code > 0x10ffff ? "\ufffd" : String.fromCodePoint(code);
}
