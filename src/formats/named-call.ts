// Reads calls that consist of a name and JSON arguments, each between markers.

import {
  type CallSection,
  type CallSource,
  readEnds,
  readMarkers,
  readName,
  readSection,
} from "./call-reader.ts";
import { readValue } from "./json-reader.ts";
import type { Parsing } from "./text-reader.ts";
import type { ToolFormat } from "./tool-format.ts";

export interface NamedCallFormat extends CallSection {
  /** Marker after an ID that precedes the name; absent = there is no ID. */
  readonly idEnd?: string;
  /** Markers between the name and the arguments. Whitespace is allowed between markers. */
  readonly nameEnd: readonly string[];
  /** Markers after the arguments. */
  readonly callEnd: readonly string[];
  /** Extracts the tool's name from the name as written; absent = the two are the same. */
  readonly toolName?: (written: string) => string;
}

export function namedCalls(format: NamedCallFormat): ToolFormat {
  const { sectionStart, sectionEnd, callStart, callEnd, idEnd = "", nameEnd } = format;
  return {
    starts: [sectionStart, callStart].filter((marker) => marker !== ""),
    bareStarts: [],
    markers: [sectionEnd, idEnd, ...nameEnd, ...callEnd],
    end: callEnd.at(-1) ?? sectionEnd,
    read: (source, start) =>
      readSection(source, format, start, () => readNamedCall(source, format)),
  };
}

function* readNamedCall(
  { reader, writer }: CallSource,
  { idEnd, nameEnd, callEnd, toolName = (written) => written }: NamedCallFormat,
): Parsing<boolean> {
  yield* reader.spaces();
  if (idEnd !== undefined) {
    yield* readName(reader);
    if (!(yield* readMarkers(reader, [idEnd]))) return false;
    yield* reader.spaces();
  }
  const name = toolName(yield* readName(reader));
  if (name === "" || !(yield* readMarkers(reader, nameEnd))) return false;
  yield* reader.spaces();
  if (!writer.call(name)) return false;
  if (!(yield* readValue(reader, writer.arguments))) return false;
  // Some models omit the end markers.
  yield* readEnds(reader, callEnd);
  return writer.endCall();
}
