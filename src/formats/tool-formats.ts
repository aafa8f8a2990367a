// Formats in which models write tool calls, by vLLM's names of --tool-call-parser.

import type { ToolParser } from "../protocol/message-parsing.ts";
import { readJsonCalls } from "./json-call.ts";
import type { MessageWriter } from "./message-writer.ts";
import type { Parsing, TextReader } from "./text-reader.ts";

export interface ToolFormat {
  /** Markers at which calls start, anywhere in the text. */
  readonly starts: readonly string[];
  /** Markers at which calls start only if no text precedes them. */
  readonly bareStarts: readonly string[];
  /** Marker after which text goes on when a call cannot be read. */
  readonly end: string;
  /**
   * Reads the calls after a start, with everything that belongs to them.
   * @returns false if the text is not a call in this format, or ends within it
   */
  readonly read: (reader: TextReader, writer: MessageWriter) => Parsing<boolean>;
}

function jsonInTags(start: string, end: string): ToolFormat {
  return {
    starts: [start],
    bareStarts: [],
    end,
    *read(reader, writer) {
      yield* reader.spaces();
      if (!(yield* readJsonCalls(reader, writer))) return false;
      yield* reader.spaces();
      // Some models leave out the end.
      yield* reader.accept(end);
      return true;
    },
  };
}

export const TOOL_FORMATS: Readonly<Record<ToolParser, ToolFormat>> = {
  hermes: jsonInTags("<tool_call>", "</tool_call>"),
};
