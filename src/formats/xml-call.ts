// Reads calls whose parameters are plain text between markers that look like XML.

import {
  type CallSection,
  type CallSource,
  readMarkers,
  readName,
  readSection,
} from "./call-reader.ts";
import { escaped } from "./json-reader.ts";
import type { Parsing, TextSink } from "./text-reader.ts";
import type { ToolFormat } from "./tool-format.ts";
import { type ToolTypes, valueJson } from "./tool-types.ts";

export interface XmlCallFormat extends CallSection {
  /** Marker after the tool's name. */
  readonly nameEnd: string;
  readonly callEnd: string;
  readonly parameterStart: string;
  /** Markers between a parameter's name and its value. */
  readonly parameterNameEnd: readonly string[];
  readonly parameterEnd: string;
  /** True if values are on separate lines. */
  readonly wrapsValues: boolean;
  /** True if each parameter has an attribute that says whether it is a string. */
  readonly saysString?: true;
  /** True if a value can be in a CDATA section. */
  readonly allowsCdata?: true;
}

const CDATA_START = "<![CDATA[";
const CDATA_END = "]]>";

export function xmlCalls(format: XmlCallFormat): ToolFormat {
  const { sectionStart, sectionEnd, callStart, callEnd, parameterStart, parameterEnd } = format;
  return {
    starts: [sectionStart, callStart].filter((marker) => marker !== ""),
    bareStarts: [],
    markers: [sectionEnd, callEnd, parameterStart, ...format.parameterNameEnd, parameterEnd],
    end: callEnd,
    needsTypes: true,
    read: (source, start, types) =>
      readSection(source, format, start, () => readXmlCall(source, format, types)),
  };
}

function* readXmlCall(
  source: CallSource,
  format: XmlCallFormat,
  types: ToolTypes,
): Parsing<boolean> {
  const { reader, writer } = source;
  const name = yield* readName(reader);
  if (name === "" || !(yield* reader.accept(format.nameEnd)) || !writer.call(name)) return false;
  const parameters = new ParameterReader(source, format, types.get(name));
  writer.arguments("{");
  for (;;) {
    yield* reader.spaces();
    if (yield* reader.accept(format.callEnd)) break;
    if (!(yield* reader.accept(format.parameterStart))) return false;
    if (!(yield* parameters.read())) return false;
  }
  writer.arguments("}");
  return writer.endCall();
}

class ParameterReader {
  readonly #source: CallSource;
  readonly #format: XmlCallFormat;
  readonly #types: ReadonlyMap<string, readonly string[]> | undefined;
  #count = 0;

  constructor(
    source: CallSource,
    format: XmlCallFormat,
    types: ReadonlyMap<string, readonly string[]> | undefined,
  ) {
    this.#source = source;
    this.#format = format;
    this.#types = types;
  }

  /** Reads a parameter after its start. @returns false if it is incomplete or malformed */
  *read(): Parsing<boolean> {
    const { reader, writer } = this.#source;
    const name = yield* reader.while((unit) => !'<>"\n'.includes(unit));
    const types = yield* this.#nameEnd(name);
    if (name === "" || types === null) return false;
    writer.arguments(`${this.#count++ === 0 ? "" : ", "}${JSON.stringify(name)}: `);
    const isString = types.length === 1 && types[0] === "string";
    return yield* isString ? this.#string() : this.#value(types);
  }

  /** Reads the end of a parameter's name. @returns the parameter's types; null if the end is missing */
  *#nameEnd(name: string): Parsing<readonly string[] | null> {
    const { reader } = this.#source;
    const { parameterNameEnd, saysString } = this.#format;
    if (!saysString) {
      return (yield* readMarkers(reader, parameterNameEnd)) ? (this.#types?.get(name) ?? []) : null;
    }
    if (yield* reader.accept('" string="true">')) return ["string"];
    return (yield* reader.accept('" string="false">')) ? [] : null;
  }

  /** Reads a string and passes it on as it arrives. */
  *#string(): Parsing<boolean> {
    const { writer } = this.#source;
    writer.arguments('"');
    const isComplete = yield* this.#text((text) => writer.arguments(escaped(text)));
    writer.arguments('"');
    return isComplete;
  }

  *#value(types: readonly string[]): Parsing<boolean> {
    let text = "";
    const isComplete = yield* this.#text((piece) => {
      text += piece;
    });
    if (isComplete) this.#source.writer.arguments(valueJson(text, types));
    return isComplete;
  }

  /** Reads a value and its end marker. @returns false if the end marker is missing */
  *#text(sink: TextSink): Parsing<boolean> {
    const { reader } = this.#source;
    const { parameterEnd, wrapsValues, allowsCdata = false } = this.#format;
    if (allowsCdata && (yield* reader.accept(CDATA_START))) return yield* this.#cdata(sink);
    if (wrapsValues) yield* reader.accept("\n");
    // The line break after the value's last line is layout.
    const ends = wrapsValues ? [`\n${parameterEnd}`, parameterEnd] : [parameterEnd];
    return (yield* reader.until(ends, sink)) !== null;
  }

  /** Reads the rest of a CDATA section, which ends before the parameter's end marker. */
  *#cdata(sink: TextSink): Parsing<boolean> {
    const { reader } = this.#source;
    for (;;) {
      if ((yield* reader.until([CDATA_END], sink)) === null) return false;
      const space = yield* reader.spaces();
      if (yield* reader.accept(this.#format.parameterEnd)) return true;
      sink(CDATA_END + space);
    }
  }
}
