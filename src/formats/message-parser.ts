// Parses the text of one message as it is generated, into content, reasoning and tool calls. The result does not depend
// on how the text is split into pieces. Parsing takes time linear in the length of the text.

import type { ChatFormat, MessageParsing } from "../protocol/message-parsing.ts";
import type { MessagePart } from "../protocol/message-part.ts";
import type { CallSource } from "./call-reader.ts";
import { isHarmony } from "./format-markers.ts";
import { HARMONY, type HarmonyFormat, readHarmony } from "./harmony.ts";
import { layoutMarkers } from "./message-layouts.ts";
import { MessageWriter } from "./message-writer.ts";
import { MUSE } from "./muse.ts";
import { opensReasoning, REASONING_FORMATS, type ReasoningFormat } from "./reasoning-formats.ts";
import { type Parsing, TextReader, type TextSink } from "./text-reader.ts";
import type { ToolFormat } from "./tool-format.ts";
import { TOOL_FORMATS } from "./tool-formats.ts";
import { type ToolTypes, toolTypes } from "./tool-types.ts";

export class MessageParser {
  readonly #reader = new TextReader();
  readonly #writer: MessageWriter;
  readonly #source: CallSource;
  readonly #tools: ToolFormat | null;
  readonly #reasoning: ReasoningFormat | null;
  /** Markers that are not part of the message. */
  readonly #layout: readonly string[];
  readonly #types: ToolTypes;
  readonly #onlyFirstCall: boolean;
  readonly #parsing: Parsing;
  #isReasoning: boolean;
  /** True if the content is in a frame, whose end has not been read. */
  #isFramed = false;

  /** @param promptEnd text of the prompt's last tokens, which may already open the reasoning */
  constructor(parsing: MessageParsing, promptEnd: string) {
    const { toolParser, reasoningParser, tools, holdsCalls, onlyFirstCall } = parsing;
    const reader = this.#reader;
    this.#writer = new MessageWriter({ holdsCalls, onCallEnd: () => reader.record("") });
    this.#source = { reader, writer: this.#writer };
    this.#tools = toolParser && TOOL_FORMATS[toolParser];
    this.#reasoning = reasoningParser && REASONING_FORMATS[reasoningParser];
    this.#layout = layoutMarkers(parsing);
    this.#types = toolTypes(tools);
    this.#onlyFirstCall = onlyFirstCall;
    this.#isReasoning = opensReasoning(parsing, promptEnd);
    const headed = headedFormat(parsing);
    this.#parsing = headed === null ? this.#message() : this.#headed(headed);
    this.#parsing.next();
  }

  /** True if the text so far ends inside reasoning. */
  get isReasoning(): boolean {
    return this.#isReasoning;
  }

  /** True if the message is complete, no matter what text follows. */
  get isComplete(): boolean {
    return this.#onlyFirstCall && this.#writer.numCalls > 0;
  }

  /** @returns the message parts that this text completes or continues */
  push(text: string): readonly MessagePart[] {
    this.#reader.push(text);
    this.#parsing.next();
    return this.#writer.take();
  }

  /** Ends the text. @returns the parts that were held back */
  flush(): readonly MessagePart[] {
    this.#reader.end();
    this.#parsing.next();
    return this.#writer.take();
  }

  *#headed(format: HarmonyFormat): Parsing {
    yield* readHarmony(this.#source, {
      ...{ format, types: this.#types },
      readsCalls: this.#tools !== null,
      onReasoning: (isReasoning) => {
        this.#isReasoning = isReasoning;
      },
      isComplete: () => this.isComplete,
    });
    this.#writer.end();
  }

  *#message(): Parsing {
    const { start, frame } = this.#reasoning ?? {};
    const calls = this.#tools?.starts ?? [];
    const others = [start, frame?.start, frame?.end].filter((marker) => marker !== undefined);
    const starts = [...calls, ...others, ...this.#layout];
    if (this.#isReasoning) yield* this.#thoughts();
    else if (this.#tools?.startsMessage) yield* this.#calls("");
    while (!this.isComplete) {
      const marker =
        (yield* this.#bareStart(starts)) ?? (yield* this.#reader.until(starts, this.#writer.text));
      if (marker === null) break;
      if (this.#isLayout(marker)) this.#writer.endPart();
      // Reasoning comes first or after calls; a start marker within the text is ordinary text.
      else if (marker === start && !this.#writer.hasText) yield* this.#thoughts();
      else if (others.includes(marker)) this.#writer.text(marker);
      else yield* this.#calls(marker);
    }
    this.#writer.end();
  }

  #isLayout(marker: string): boolean {
    if (this.#layout.includes(marker)) return true;
    const { start, end } = this.#reasoning?.frame ?? {};
    const isStart = marker === start && !this.#writer.hasText;
    if (!isStart && (marker !== end || !this.#isFramed)) return false;
    this.#isFramed = isStart;
    return true;
  }

  /** Reads a start marker at the beginning of the message. */
  *#bareStart(starts: readonly string[]): Parsing<string | null> {
    const { bareStarts = [] } = this.#tools ?? {};
    if (bareStarts.length === 0 || this.#writer.hasText) return null;
    const space = yield* this.#reader.spaces();
    const start = yield* this.#reader.acceptOne([...starts, ...bareStarts]);
    if (start === null) this.#writer.text(space);
    return start;
  }

  /** Reads reasoning up to its end marker, or up to a call: some models leave out the end before one. */
  *#thoughts(): Parsing {
    this.#isReasoning = true;
    this.#writer.endPart();
    const end = this.#reasoning?.end ?? "";
    const markers = [end, ...(this.#tools?.starts ?? [])];
    let marker: string | null;
    do {
      marker = yield* this.#reader.until(markers, this.#writer.reasoning);
    } while (
      marker !== null &&
      marker !== end &&
      !(yield* this.#calls(marker, this.#writer.reasoning))
    );
    this.#writer.endPart();
    this.#isReasoning = false;
    this.#isFramed = true;
  }

  /**
   * Reads calls after their start.
   * @param sink receives the text if it is not a call
   * @returns false if the text was not a call
   */
  *#calls(start: string, sink: TextSink = this.#writer.text): Parsing<boolean> {
    const tools = this.#tools as ToolFormat;
    const reader = this.#reader;
    const writer = this.#writer;
    const numCalls = writer.numCalls;
    reader.record(start);
    writer.requiredNames = tools.bareStarts.includes(start) ? new Set(this.#types.keys()) : null;
    const isRead = yield* tools.read(this.#source, start, this.#types);
    const text = reader.takeRecord();
    if (isRead) return true;
    if (writer.isCallShown) yield* reader.until([tools.end], writer.arguments);
    if (!writer.breakCall()) sink(text);
    return writer.numCalls > numCalls;
  }
}

/** @returns the format of messages with headers; null if the output has none */
function headedFormat(format: ChatFormat): HarmonyFormat | null {
  if (isHarmony(format)) return HARMONY;
  const { toolParser, reasoningParser } = format;
  return toolParser === "muse_glimmer" || reasoningParser === "muse_glimmer" ? MUSE : null;
}
