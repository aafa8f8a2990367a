// Reads a custom tool's input from its function's arguments as they arrive. The arguments are JSON text for an object
// with a single string.

import { CUSTOM_INPUT } from "./custom-tool.ts";

const HEAD = new RegExp(`^\\s*\\{\\s*"${CUSTOM_INPUT}"\\s*:\\s*"`);
/** Arguments that have not matched HEAD by this length never will, unless they contain spaces that no model writes. */
const MAX_HEAD_LENGTH = 64;

const ESCAPES: Readonly<Record<string, string>> = {
  ...{ b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" },
};

/** A run of plain characters, an escape, or the quote that ends the string. */
const PIECE = /[^"\\]+|\\u([0-9a-fA-F]{4})|\\([^u])|"/y;

export class CustomInput {
  /** Input read so far. */
  text = "";
  #state: "head" | "string" | "end" | "other" = "head";
  /** The arguments so far, as long as the head has not been found. */
  #raw = "";
  /** Text of the string that cannot be read yet: an incomplete escape or half a character. */
  #rest = "";

  /** @returns new text of the input */
  add(chunk: string): string {
    switch (this.#state) {
      case "head":
        return this.#addHead(chunk);
      case "string":
        return this.#read(chunk);
      case "other":
        this.#raw += chunk;
        return "";
      case "end":
        return "";
    }
  }

  /** @returns the rest of the input, which is all of it if the arguments are not the expected object */
  end(): string {
    const isRead = this.#state === "string" || this.#state === "end";
    const rest = isRead ? "" : onlyString(this.#raw);
    this.text += rest;
    return rest;
  }

  #addHead(chunk: string): string {
    this.#raw += chunk;
    const [head] = HEAD.exec(this.#raw) ?? [];
    if (head !== undefined) {
      this.#state = "string";
      return this.#read(this.#raw.slice(head.length));
    }
    if (this.#raw.length > MAX_HEAD_LENGTH) this.#state = "other";
    return "";
  }

  #read(chunk: string): string {
    const text = this.#rest + chunk;
    let read = "";
    PIECE.lastIndex = 0;
    let end = 0;
    while (this.#state === "string") {
      const [piece, code, letter] = PIECE.exec(text) ?? [];
      if (piece === undefined) break;
      end = PIECE.lastIndex;
      if (piece === '"') this.#state = "end";
      else if (code !== undefined) read += String.fromCharCode(Number.parseInt(code, 16));
      else read += letter === undefined ? piece : (ESCAPES[letter] ?? letter);
    }
    this.#rest = text.slice(end);
    return this.#keep(read);
  }

  /** Holds back the first half of a surrogate pair. */
  #keep(read: string): string {
    const last = read.charCodeAt(read.length - 1);
    const isHalf = this.#state === "string" && last >= 0xd800 && last < 0xdc00;
    const kept = isHalf ? read.slice(0, -1) : read;
    if (isHalf) this.#rest = `\\u${last.toString(16)}${this.#rest}`;
    this.text += kept;
    return kept;
  }
}

/** @returns the string of an object with a single member of any name; otherwise the text itself */
function onlyString(json: string): string {
  try {
    const values = Object.values(JSON.parse(json) as object);
    return values.length === 1 && typeof values[0] === "string" ? values[0] : json;
  } catch {
    return json;
  }
}
