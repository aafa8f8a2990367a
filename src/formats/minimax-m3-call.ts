// Reads MiniMax M3's calls, in which every tag has a prefix, and objects and lists are nested tags:
//
//   ]<]minimax[>[<invoke name="f">]<]minimax[>[<list>]<]minimax[>[<item>1]<]minimax[>[</item>]<]minimax[>[</list>...

import { type CallSource, readName, readSection } from "./call-reader.ts";
import { escaped } from "./json-reader.ts";
import type { Parsing } from "./text-reader.ts";
import type { ToolFormat } from "./tool-format.ts";
import { type ToolTypes, typePath, valueJson } from "./tool-types.ts";

/** Prefix of each tag. */
export const M3_PREFIX = "]<]minimax[>[";
/** Tag of each member of a list. */
export const M3_ITEM = "item";

const MAX_DEPTH = 64;

const SECTION = {
  sectionStart: `${M3_PREFIX}<tool_call>`,
  sectionEnd: `${M3_PREFIX}</tool_call>`,
  callStart: `${M3_PREFIX}<invoke name="`,
} as const;

export const minimaxM3: ToolFormat = {
  ...{ starts: [SECTION.sectionStart, SECTION.callStart], bareStarts: [] },
  markers: [M3_PREFIX, SECTION.sectionEnd],
  end: SECTION.sectionEnd,
  needsTypes: "nested",
  read: (source, start, types) =>
    readSection(source, SECTION, start, () => readInvoke(source, types)),
};

function* readInvoke(source: CallSource, types: ToolTypes): Parsing<boolean> {
  const { reader, writer } = source;
  const name = yield* readName(reader);
  if (name === "" || !(yield* reader.accept('">')) || !writer.call(name)) return false;
  yield* reader.spaces();
  const elements = new ElementReader(source, types.get(name) ?? new Map());
  const end = `${M3_PREFIX}</invoke>`;
  const isEmpty = yield* reader.accept(end);
  if (isEmpty) writer.arguments("{}");
  else if (!(yield* reader.accept(`${M3_PREFIX}<`))) return false;
  else if (!(yield* elements.children([], end, false))) return false;
  return writer.endCall();
}

class ElementReader {
  readonly #source: CallSource;
  readonly #types: ReadonlyMap<string, readonly string[]>;

  constructor(source: CallSource, types: ReadonlyMap<string, readonly string[]>) {
    this.#source = source;
    this.#types = types;
  }

  /**
   * Reads the elements of an object or a list after the start of the first one's tag.
   * @param path tags around the elements
   * @param isList null = to be determined from the first tag
   */
  *children(path: readonly string[], end: string, isList: boolean | null): Parsing<boolean> {
    const { reader, writer } = this.#source;
    if (path.length > MAX_DEPTH) return false;
    let isArray = isList;
    for (let count = 0; ; count++) {
      const tag = yield* reader.while((unit) => !"<>\n".includes(unit));
      if (tag === "" || !(yield* reader.accept(">"))) return false;
      isArray ??= tag === M3_ITEM;
      const start = count > 0 ? ", " : isArray ? "[" : "{";
      writer.arguments(isArray ? start : `${start}${JSON.stringify(tag)}: `);
      if (!(yield* this.#value([...path, tag]))) return false;
      yield* reader.spaces();
      if (yield* reader.accept(end)) break;
      if (!(yield* reader.accept(`${M3_PREFIX}<`))) return false;
    }
    writer.arguments(isArray ? "]" : "}");
    return true;
  }

  /** Reads an element's value and the end of its tag. */
  *#value(path: readonly string[]): Parsing<boolean> {
    const { reader, writer } = this.#source;
    const types = this.#types.get(typePath(path)) ?? [];
    const tag = path.at(-1) ?? "";
    const close = `</${tag}>`;
    if (types.length === 1 && types[0] === "string") return yield* this.#string(M3_PREFIX + close);
    let text = "";
    const prefix = yield* reader.until([M3_PREFIX], (piece) => {
      text += piece;
    });
    if (prefix === null) return false;
    if (yield* reader.accept(close)) {
      writer.arguments(leafJson(text, types));
      return true;
    }
    if (text.trim() !== "" || !(yield* reader.accept("<"))) return false;
    return yield* this.children(path, M3_PREFIX + close, isListOf(types));
  }

  *#string(end: string): Parsing<boolean> {
    const { reader, writer } = this.#source;
    writer.arguments('"');
    const found = yield* reader.until([end], (text) => writer.arguments(escaped(text)));
    writer.arguments('"');
    return found !== null;
  }
}

/** @returns null if the types do not determine whether nested tags are a list or an object */
function isListOf(types: readonly string[]): boolean | null {
  const isList = types.includes("array");
  return isList === types.includes("object") ? null : isList;
}

function leafJson(text: string, types: readonly string[]): string {
  const isEmpty = text.trim() === "" && !types.includes("string");
  if (isEmpty && types.includes("array")) return "[]";
  if (isEmpty && types.includes("object")) return "{}";
  return valueJson(text, types);
}
