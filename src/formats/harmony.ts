// Reads output that consists of messages with headers, such as OpenAI's harmony format, with a message per channel.
//
//   <|channel|>analysis<|message|>thoughts<|end|><|start|>assistant<|channel|>commentary
//   to=functions.f <|constrain|>json<|message|>{"a": 1}<|call|>

import type { CallSource } from "./call-reader.ts";
import type { Parsing } from "./text-reader.ts";
import type { ToolTypes } from "./tool-types.ts";

export const HARMONY_MARKERS: readonly string[] = [
  ...["<|start|>", "<|channel|>", "<|constrain|>", "<|message|>"],
  ...["<|end|>", "<|return|>", "<|call|>"],
];

const ENDS = ["<|end|>", "<|return|>", "<|call|>", "<|start|>"];
/** Maximum length of a header. Only text that is not in this format can exceed it. */
const MAX_HEADER = 1024;

/** Format of messages whose headers end with "<|message|>". */
export interface HarmonyFormat {
  /** Markers after a message. */
  readonly ends: readonly string[];
  /** @returns true if text that is not followed by "<|message|>" is an incomplete header, not content */
  readonly isHeader: (text: string) => boolean;
  /** @returns the kind of the message with this header; "calls" only if calls are read */
  readonly kindOf: (header: string, readsCalls: boolean) => "text" | "reasoning" | "calls";
  /** Reads a message that contains calls, including its end. */
  readonly readCalls: (source: CallSource, header: string, types: ToolTypes) => Parsing;
}

const RECIPIENT = /to=functions\.([^\s<]+)/;

export const HARMONY: HarmonyFormat = {
  ends: ENDS,
  isHeader: (text) => text.includes("<|channel|>"),
  kindOf(header, readsCalls) {
    if (readsCalls && RECIPIENT.test(header)) return "calls";
    return channelOf(header) === "analysis" ? "reasoning" : "text";
  },
  *readCalls({ reader, writer }, header) {
    const [, name = ""] = RECIPIENT.exec(header) ?? [];
    reader.record("");
    writer.call(name);
    yield* reader.until(ENDS, writer.arguments);
    const text = reader.takeRecord();
    // A held-back call is checked as a whole; if it was cut off, it becomes text.
    if (!writer.endCall()) writer.text(text);
  },
};

function channelOf(header: string): string {
  const [, channel = "final"] = /<\|channel\|>\s*(\w+)/.exec(header) ?? [];
  return channel;
}

export interface HarmonyOptions {
  readonly format: HarmonyFormat;
  readonly types: ToolTypes;
  /** Whether to read calls; false = treat them as content. */
  readonly readsCalls: boolean;
  readonly onReasoning: (isReasoning: boolean) => void;
  readonly isComplete: () => boolean;
}

export function* readHarmony(source: CallSource, options: HarmonyOptions): Parsing {
  const { reader, writer } = source;
  for (let numMessages = 0; !options.isComplete(); numMessages++) {
    let header = "";
    const marker = yield* reader.until(["<|message|>", "<|end|>"], (text) => {
      if (header.length < MAX_HEADER) header += text;
    });
    if (marker === null) {
      // Output without a header consists only of content.
      if (numMessages === 0 && !options.format.isHeader(header)) writer.text(header);
      return;
    }
    if (marker === "<|message|>") yield* readBody(source, header, options);
  }
}

function* readBody(
  source: CallSource,
  header: string,
  { format, types, readsCalls, onReasoning }: HarmonyOptions,
): Parsing {
  const { reader, writer } = source;
  const kind = format.kindOf(header, readsCalls);
  if (kind === "calls") yield* format.readCalls(source, header, types);
  else if (kind === "reasoning") {
    onReasoning(true);
    writer.endPart();
    yield* reader.until(format.ends, writer.reasoning);
    writer.endPart();
    onReasoning(false);
  } else yield* reader.until(format.ends, writer.text);
}
