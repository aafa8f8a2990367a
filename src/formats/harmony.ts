// Reads messages in OpenAI's harmony format: one message per channel, each with a header.
//
//   <|channel|>analysis<|message|>thoughts<|end|><|start|>assistant<|channel|>commentary
//   to=functions.f <|constrain|>json<|message|>{"a": 1}<|call|>

import type { CallSource } from "./call-reader.ts";
import type { Parsing } from "./text-reader.ts";

export const HARMONY_MARKERS: readonly string[] = [
  ...["<|start|>", "<|channel|>", "<|constrain|>", "<|message|>"],
  ...["<|end|>", "<|return|>", "<|call|>"],
];

const ENDS = ["<|end|>", "<|return|>", "<|call|>", "<|start|>"];
/** Maximum length of a header. Only text that is not in this format can exceed it. */
const MAX_HEADER = 1024;

export interface HarmonyOptions {
  /** Whether to read calls; false = treat them as content. */
  readonly readsCalls: boolean;
  readonly onReasoning: (isReasoning: boolean) => void;
  readonly isComplete: () => boolean;
}

export function* readHarmony(source: CallSource, options: HarmonyOptions): Parsing {
  const { reader, writer } = source;
  while (!options.isComplete()) {
    let header = "";
    const marker = yield* reader.until(["<|message|>", "<|end|>"], (text) => {
      if (header.length < MAX_HEADER) header += text;
    });
    if (marker === null) {
      // A message without a header consists only of content.
      if (!header.includes("<|channel|>") && writer.numCalls === 0) writer.text(header);
      return;
    }
    if (marker === "<|message|>") yield* readBody(source, header, options);
  }
}

function* readBody(
  { reader, writer }: CallSource,
  header: string,
  { readsCalls, onReasoning }: HarmonyOptions,
): Parsing {
  const [, channel = "final"] = /<\|channel\|>\s*(\w+)/.exec(header) ?? [];
  const [, name = null] = /to=functions\.([^\s<]+)/.exec(header) ?? [];
  if (name !== null && readsCalls) {
    reader.record("");
    writer.call(name);
    yield* reader.until(ENDS, writer.arguments);
    const text = reader.takeRecord();
    // A held-back call is checked as a whole; if it was cut off, it becomes text.
    if (!writer.endCall()) writer.text(text);
  } else if (channel === "analysis") {
    onReasoning(true);
    writer.endPart();
    yield* reader.until(ENDS, writer.reasoning);
    writer.endPart();
    onReasoning(false);
  } else yield* reader.until(ENDS, writer.text);
}
