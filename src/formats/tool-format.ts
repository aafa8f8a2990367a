// The interface of a format that models use for tool calls.

import type { CallSource } from "./call-reader.ts";
import type { Parsing } from "./text-reader.ts";
import type { ToolTypes } from "./tool-types.ts";

export interface ToolFormat {
  /** Markers that start a call anywhere in the text. */
  readonly starts: readonly string[];
  /** Markers that start a call to a known tool if no text precedes them. */
  readonly bareStarts: readonly string[];
  /** Set if a start marker precedes the message, so that the message can begin with the rest of a call. */
  readonly startsMessage?: true;
  /** Text before content at a point where a call is also possible; absent = none. */
  readonly contentStart?: string;
  /** Other markers of the format, which can be special tokens. */
  readonly markers: readonly string[];
  /** Marker that ends a call. If a call cannot be parsed, the text up to this marker belongs to it. */
  readonly end: string;
  /**
   * Set if parameters are plain text, to be interpreted according to the types in their schema; "nested" = so are the
   * values within them.
   */
  readonly needsTypes?: "top" | "nested";
  /**
   * Reads the calls after a start marker, with everything that belongs to them.
   * @param start the marker that has been read
   * @returns false if the text is not a call in this format or ends within one
   */
  readonly read: (source: CallSource, start: string, types: ToolTypes) => Parsing<boolean>;
}
