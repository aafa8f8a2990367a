// Helpers shared by the readers of tool calls.

import type { MessageWriter } from "./message-writer.ts";
import type { Parsing, TextReader } from "./text-reader.ts";

/** Source of a call's text, and the writer for the call's parts. */
export interface CallSource {
  readonly reader: TextReader;
  readonly writer: MessageWriter;
}

/** Characters allowed in names. A name ends at any other character, so text that is not a call is detected early. */
const NAME_UNIT = /[\p{L}\p{N}_.:/$-]/u;

/** Reads a name. @returns "" if none follows */
export function readName(reader: TextReader): Parsing<string> {
  return reader.while((unit) => NAME_UNIT.test(unit));
}

/** Reads all markers in order, skipping whitespace before each. @returns true if all of them are present */
export function* readMarkers(reader: TextReader, markers: readonly string[]): Parsing<boolean> {
  for (const marker of markers) {
    yield* reader.spaces();
    if (!(yield* reader.accept(marker))) return false;
  }
  return true;
}

/** Reads the markers after a complete call, or as many of them as the model has written. */
export function* readEnds(reader: TextReader, markers: readonly string[]): Parsing {
  for (const marker of markers) {
    yield* reader.spaces();
    if (!(yield* reader.acceptEnd(marker))) return;
  }
}

/** Markers around one or more calls; "" = none. */
export interface CallSection {
  readonly sectionStart: string;
  readonly sectionEnd: string;
  readonly callStart: string;
}

/**
 * Reads calls up to the end of their section, or consecutive calls if the format has no sections.
 * @param start the marker that was just read, which starts a section or a call
 * @param readCall reads a call after its start marker
 */
export function* readSection(
  { reader }: CallSource,
  { sectionStart, sectionEnd, callStart }: CallSection,
  start: string,
  readCall: () => Parsing<boolean>,
): Parsing<boolean> {
  if (start === sectionStart && !(yield* readMarkers(reader, [callStart]))) return false;
  for (;;) {
    if (!(yield* readCall())) return false;
    yield* reader.spaces();
    if (sectionEnd !== "" && (yield* reader.acceptEnd(sectionEnd))) return true;
    if (!(yield* reader.accept(callStart))) return true;
  }
}
