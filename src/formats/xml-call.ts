// Reads calls whose parameters are plain text between markers that look like XML.

import {
  type CallSection,
  type CallSource,
  readMarkers,
  readName,
  readSection,
} from "./call-reader.ts";
import { escaped, readValue } from "./json-reader.ts";
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
  /** Marker after a parameter's attribute, which says whether it is a string; absent = there is no attribute. */
  readonly attributeEnd?: string;
  /** Marker after a call's attributes, which follow `nameEnd` and have no meaning; absent = there are none. */
  readonly callAttributesEnd?: string;
  /** Extracts the tool's name from the name as written; absent = the two are the same. */
  readonly toolName?: (written: string) => string;
  /** Markers around a JSON object that replaces all parameters; absent = this is not possible. */
  readonly jsonBlock?: readonly [start: string, end: string];
  /** True if a value can be in a CDATA section. */
  readonly allowsCdata?: true;
}

/** Attribute values that mark a string. */
const STRING_ATTRIBUTES = ["true", "string"];

const CDATA_START = "<![CDATA[";
const CDATA_END = "]]>";

export function xmlCalls(format: XmlCallFormat): ToolFormat {
  const { sectionStart, sectionEnd, callStart, callEnd, parameterStart, parameterEnd } = format;
  return {
    starts: [sectionStart, callStart].filter((marker) => marker !== ""),
    bareStarts: [],
    markers: [sectionEnd, callEnd, parameterStart, ...format.parameterNameEnd, parameterEnd],
    end: callEnd,
    needsTypes: "top",
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
  const { toolName = (written: string) => written } = format;
  const name = toolName(yield* readName(reader));
  if (name === "" || !(yield* reader.accept(format.nameEnd))) return false;
  const { callAttributesEnd, jsonBlock } = format;
  if (
    callAttributesEnd !== undefined &&
    (yield* reader.until([callAttributesEnd], () => {})) === null
  ) {
    return false;
  }
  if (!writer.call(name)) return false;
  if (jsonBlock !== undefined && (yield* reader.accept(jsonBlock[0]))) {
    const isRead = yield* readValue(reader, writer.arguments);
    return (
      isRead && (yield* readMarkers(reader, [jsonBlock[1], format.callEnd])) && writer.endCall()
    );
  }
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
    const { parameterNameEnd, attributeEnd } = this.#format;
    if (!(yield* readMarkers(reader, parameterNameEnd))) return null;
    const declared = this.#types?.get(name) ?? [];
    if (attributeEnd === undefined) return declared;
    const attribute = yield* reader.while((unit) => /\w/.test(unit));
    if (!(yield* reader.accept(attributeEnd))) return null;
    if (!STRING_ATTRIBUTES.includes(attribute)) return [];
    return declared.length === 0 || declared.includes("string") ? ["string"] : declared;
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
