// A format in which models write tool calls.

import type { CallSource } from "./call-reader.ts";
import type { Parsing } from "./text-reader.ts";
import type { ToolTypes } from "./tool-types.ts";

export interface ToolFormat {
  /** Markers at which calls start, anywhere in the text. */
  readonly starts: readonly string[];
  /** Markers at which calls of known tools start if no text precedes them. */
  readonly bareStarts: readonly string[];
  /** Other markers of the format, which can be special tokens. */
  readonly markers: readonly string[];
  /** Marker up to which text belongs to a call that cannot be read. */
  readonly end: string;
  /** Whether parameters are written as plain text, to be read by the types in their schema. */
  readonly needsTypes?: true;
  /**
   * Reads the calls after a start, with everything that belongs to them.
   * @param start the marker that has been read
   * @returns false if the text is not a call in this format, or ends within it
   */
  readonly read: (source: CallSource, start: string, types: ToolTypes) => Parsing<boolean>;
}
