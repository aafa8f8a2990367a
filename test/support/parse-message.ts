// Parses whole messages in pieces with the incremental parser.

import { MessageParser } from "../../src/formats/message-parser.ts";
import { type MessageParsing, PLAIN_TEXT } from "../../src/protocol/message-parsing.ts";
import { joinParts, type MessagePart } from "../../src/protocol/message-part.ts";

export interface Message {
  readonly text: string;
  readonly reasoning: string;
  /** Name and arguments of each call. */
  readonly calls: readonly (readonly [name: string, json: string])[];
}

const DEFAULTS: MessageParsing = {
  ...PLAIN_TEXT,
  ...{ tools: [], holdsCalls: false, onlyFirstCall: false, thinkingTokenBudget: null },
};

export function parseMessage(
  pieces: readonly string[],
  parsing: Partial<MessageParsing>,
  promptEnd = "",
): Message {
  const all = { ...DEFAULTS, ...parsing };
  const parser = new MessageParser(all, promptEnd);
  let parts: MessagePart[] = [];
  for (const piece of pieces) parts = joinParts(parts, parser.push(piece));
  return messageOf(joinParts(parts, parser.flush()));
}

function messageOf(parts: readonly MessagePart[]): Message {
  const texts = { text: "", reasoning: "" };
  const calls: [string, string][] = [];
  for (const part of parts) {
    if (part.kind === "tool_call") calls[part.index] = [part.name, ""];
    else if (part.kind === "arguments") {
      const call = calls[part.index];
      if (call === undefined) throw new Error(`arguments of call ${part.index}, which has no name`);
      call[1] += part.text;
    } else texts[part.kind] += part.text;
  }
  return { ...texts, calls };
}

/** Splits text at positions given as fractions of its length. */
export function splitAt(text: string, fractions: readonly number[]): string[] {
  const cuts = [...new Set(fractions.map((share) => Math.floor(share * text.length)))];
  const ends = [...cuts.sort((a, b) => a - b), text.length];
  return ends.map((end, i) => text.slice(ends[i - 1] ?? 0, end)).filter((piece) => piece !== "");
}
