// Reads calls that consist of a name and JSON arguments, each between markers.

import {
  type CallSection,
  type CallSource,
  readMarkers,
  readName,
  readSection,
} from "./call-reader.ts";
import { readValue } from "./json-reader.ts";
import type { Parsing } from "./text-reader.ts";
import type { ToolFormat } from "./tool-format.ts";

export interface NamedCallFormat extends CallSection {
  /** Markers between name and arguments, with optional whitespace between them. */
  readonly nameEnd: readonly string[];
  /** Markers after the arguments. */
  readonly callEnd: readonly string[];
  /** Extracts the tool's name from the written name; absent = use it unchanged. */
  readonly toolName?: (written: string) => string;
}

export function namedCalls(format: NamedCallFormat): ToolFormat {
  const { sectionStart, sectionEnd, callStart, callEnd, nameEnd } = format;
  return {
    starts: [sectionStart, callStart].filter((marker) => marker !== ""),
    bareStarts: [],
    markers: [sectionEnd, ...nameEnd, ...callEnd],
    end: callEnd.at(-1) ?? sectionEnd,
    read: (source, start) =>
      readSection(source, format, start, () => readNamedCall(source, format)),
  };
}

function* readNamedCall(
  { reader, writer }: CallSource,
  { nameEnd, callEnd, toolName = (written) => written }: NamedCallFormat,
): Parsing<boolean> {
  yield* reader.spaces();
  const name = toolName(yield* readName(reader));
  if (name === "" || !(yield* readMarkers(reader, nameEnd))) return false;
  yield* reader.spaces();
  if (!writer.call(name)) return false;
  if (!(yield* readValue(reader, writer.arguments))) return false;
  // Some models omit the end.
  yield* readMarkers(reader, callEnd);
  return writer.endCall();
}
