// Writes the deltas of a streamed chat as JSON, with the members that vLLM 0.13 sends.

import type { CallPart } from "../protocol/message-part.ts";
import type { StartedChat } from "./started-chat.ts";
import { toolCallId } from "./tool-call-id.ts";

export function contentDelta(text: string): string {
  return `{"content":${JSON.stringify(text)},"reasoning_content":null}`;
}

export function reasoningDelta(text: string): string {
  const json = JSON.stringify(text);
  return `{"reasoning":${json},"reasoning_content":${json}}`;
}

/** The first delta of a call contains its ID and whole name; later deltas contain only arguments. */
export function callDelta(chat: StartedChat, part: CallPart): string {
  const call = part.kind === "tool_call" ? callHead(chat, part) : callTail(part);
  return `{"reasoning_content":null,"tool_calls":${JSON.stringify([call])}}`;
}

function callHead(chat: StartedChat, { index, name }: Extract<CallPart, { kind: "tool_call" }>) {
  const id = toolCallId(chat, name, index);
  return { id, type: "function", index, function: { name, arguments: "" } };
}

function callTail({ index, text }: Extract<CallPart, { kind: "arguments" }>) {
  return { index, function: { arguments: text } };
}
