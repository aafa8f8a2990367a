// Reads calls in JSON: an object with a name and arguments, or a list of such objects.

import type { CallSource } from "./call-reader.ts";
import { readObject, readString, readValue } from "./json-reader.ts";
import type { MessageWriter } from "./message-writer.ts";
import type { Parsing, TextReader } from "./text-reader.ts";

const NAME_KEYS = ["name", "tool_name"];
const ARGUMENT_KEYS = ["arguments", "parameters"];
/**
 * Maximum length, in UTF-16 units, of arguments that are a string or precede the name, since they are buffered whole.
 */
const MAX_WHOLE = 1 << 20;

/** Reads one or more calls, as objects or in lists. @returns false if no complete call follows */
export function* readJsonCalls(source: CallSource): Parsing<boolean> {
  const { reader } = source;
  for (;;) {
    yield* reader.spaces();
    const isRead = (yield* reader.accept("["))
      ? yield* readJsonList(source)
      : yield* readJsonCall(source);
    if (!isRead) return false;
    yield* reader.spaces();
    // Llama separates calls with semicolons.
    if (yield* reader.acceptOne([",", ";"])) yield* reader.spaces();
    const next = yield* reader.peek();
    if (next !== "{" && next !== "[") return true;
  }
}

/** Reads a list's calls after its opening bracket. */
export function* readJsonList(source: CallSource): Parsing<boolean> {
  const { reader } = source;
  for (;;) {
    yield* reader.spaces();
    if (!(yield* readJsonCall(source))) return false;
    yield* reader.spaces();
    if (yield* reader.accept("]")) return true;
    if (!(yield* reader.accept(","))) return false;
  }
}

/** Reads a list of objects whose keys are tool names and whose values are the arguments. */
export function* readKeyedCalls({ reader, writer }: CallSource): Parsing<boolean> {
  yield* reader.spaces();
  if (!(yield* reader.accept("["))) return false;
  const call = function* (name: string): Parsing<boolean> {
    if (name === "" || (yield* reader.peek()) !== "{" || !writer.call(name)) return false;
    return (yield* readValue(reader, writer.arguments)) && writer.endCall();
  };
  for (;;) {
    yield* reader.spaces();
    if (!(yield* readObject(reader, call))) return false;
    yield* reader.spaces();
    if (yield* reader.accept("]")) return true;
    if (!(yield* reader.accept(","))) return false;
  }
}

function* readJsonCall({ reader, writer }: CallSource): Parsing<boolean> {
  const call = new JsonCall(reader, writer);
  const isComplete = yield* readObject(reader, (key) => call.member(key));
  return isComplete && call.end();
}

class JsonCall {
  readonly #reader: TextReader;
  readonly #writer: MessageWriter;
  #isNamed = false;
  /** Arguments that preceded the name; null = none. */
  #early: string | null = null;
  #hasArguments = false;

  constructor(reader: TextReader, writer: MessageWriter) {
    this.#reader = reader;
    this.#writer = writer;
  }

  *member(key: string): Parsing<boolean> {
    if (NAME_KEYS.includes(key)) return yield* this.#name();
    if (ARGUMENT_KEYS.includes(key)) return yield* this.#arguments();
    if (key === "function") {
      const first = yield* this.#reader.peek();
      if (first === '"') return yield* this.#name();
      if (first === "{") return yield* readObject(this.#reader, (inner) => this.member(inner));
    }
    return yield* readValue(this.#reader, () => {});
  }

  end(): boolean {
    if (!this.#isNamed) return false;
    if (!this.#hasArguments) this.#writer.arguments("{}");
    return this.#writer.endCall();
  }

  *#name(): Parsing<boolean> {
    const name = yield* readString(this.#reader);
    if (name === null || name === "" || this.#isNamed) return false;
    this.#isNamed = true;
    if (!this.#writer.call(name)) return false;
    if (this.#early !== null) this.#writer.arguments(this.#early);
    return true;
  }

  *#arguments(): Parsing<boolean> {
    if (this.#hasArguments) return false;
    this.#hasArguments = true;
    const first = yield* this.#reader.peek();
    if (first === '"') return this.#write(yield* readString(this.#reader, MAX_WHOLE));
    if (this.#isNamed && first !== "n")
      return yield* readValue(this.#reader, this.#writer.arguments);
    let text = "";
    const isComplete = yield* readValue(this.#reader, (piece) => {
      if (text.length <= MAX_WHOLE) text += piece;
    });
    return isComplete && text.length <= MAX_WHOLE && this.#write(text);
  }

  #write(text: string | null): boolean {
    if (text === null) return false;
    const json = text === "null" || text.trim() === "" ? "{}" : text;
    if (this.#isNamed) this.#writer.arguments(json);
    else this.#early = json;
    return true;
  }
}
