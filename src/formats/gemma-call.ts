// Reads Gemma's calls: call:name{key:<escape>text<escape>,list:[1,true]}.

import { type CallSource, readName } from "./call-reader.ts";
import { escaped } from "./json-reader.ts";
import type { Parsing, TextReader, TextSink } from "./text-reader.ts";
import type { ToolFormat } from "./tool-format.ts";

interface GemmaFormat {
  readonly start: string;
  readonly end: string;
  /** Marker before and after a string. */
  readonly quote: string;
}

const MAX_DEPTH = 64;

export function gemmaCalls({ start, end, quote }: GemmaFormat): ToolFormat {
  return {
    starts: [start],
    bareStarts: [],
    markers: [end, quote],
    end,
    *read({ reader, writer }: CallSource) {
      if (!(yield* reader.accept("call:"))) return false;
      const name = yield* readName(reader);
      if (name === "" || (yield* reader.peek()) !== "{" || !writer.call(name)) return false;
      if (!(yield* readGemma(reader, writer.arguments, quote))) return false;
      yield* reader.acceptEnd(end);
      return writer.endCall();
    },
  };
}

/** Reads a value and passes it on as JSON. */
function* readGemma(
  reader: TextReader,
  sink: TextSink,
  quote: string,
  depth = 0,
): Parsing<boolean> {
  if (depth > MAX_DEPTH) return false;
  if (yield* reader.accept(quote)) return yield* readQuoted(reader, sink, quote);
  const open = yield* reader.acceptOne(["{", "["]);
  if (open === null) return yield* readScalar(reader, sink);
  const close = open === "{" ? "}" : "]";
  sink(open);
  for (let count = 0; ; count++) {
    yield* reader.spaces();
    if (yield* reader.accept(close)) break;
    if (count > 0) {
      if (!(yield* reader.accept(","))) return false;
      sink(", ");
      yield* reader.spaces();
    }
    if (open === "{" && !(yield* readKey(reader, sink, quote))) return false;
    if (!(yield* readGemma(reader, sink, quote, depth + 1))) return false;
  }
  sink(close);
  return true;
}

function* readKey(reader: TextReader, sink: TextSink, quote: string): Parsing<boolean> {
  if (yield* reader.accept(quote)) {
    if (!(yield* readQuoted(reader, sink, quote))) return false;
  } else {
    const key = yield* reader.while((unit) => !":{}[],<".includes(unit));
    if (key === "") return false;
    sink(JSON.stringify(key.trim()));
  }
  sink(": ");
  return yield* reader.accept(":");
}

function* readQuoted(reader: TextReader, sink: TextSink, quote: string): Parsing<boolean> {
  sink('"');
  const end = yield* reader.until([quote], (text) => sink(escaped(text)));
  sink('"');
  return end !== null;
}

/** Reads a number, a literal, or unquoted text. */
function* readScalar(reader: TextReader, sink: TextSink): Parsing<boolean> {
  const text = (yield* reader.while((unit) => !"{}[],<".includes(unit))).trim();
  if (text === "") return false;
  const isLiteral = /^(-?\d+(\.\d+)?([eE][+-]?\d+)?|true|false|null)$/.test(text);
  sink(isLiteral ? text : JSON.stringify(text));
  return true;
}
