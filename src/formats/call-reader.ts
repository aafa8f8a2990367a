// Parts that the readers of tool calls share.

import type { MessageWriter } from "./message-writer.ts";
import type { Parsing, TextReader } from "./text-reader.ts";

/** Text of a call, and where its parts go. */
export interface CallSource {
  readonly reader: TextReader;
  readonly writer: MessageWriter;
}

/** Names are read up to the first other character, so that text which is not a call soon shows itself. */
const NAME_UNIT = /[\p{L}\p{N}_.:/$-]/u;

/** @returns the name that follows; "" = none */
export function readName(reader: TextReader): Parsing<string> {
  return reader.while((unit) => NAME_UNIT.test(unit));
}

/** Reads each of the markers, with any space before it. @returns whether all follow */
export function* readMarkers(reader: TextReader, markers: readonly string[]): Parsing<boolean> {
  for (const marker of markers) {
    yield* reader.spaces();
    if (!(yield* reader.accept(marker))) return false;
  }
  return true;
}

/** Markers around one or more calls; "" = none. */
export interface CallSection {
  readonly sectionStart: string;
  readonly sectionEnd: string;
  readonly callStart: string;
}

/**
 * Reads calls up to the end of their section, or one after another without one.
 * @param start the marker that was read: that of a section, or of a call
 * @param readCall reads a call after its start
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
    if (sectionEnd !== "" && (yield* reader.accept(sectionEnd))) return true;
    if (!(yield* reader.accept(callStart))) return true;
  }
}
