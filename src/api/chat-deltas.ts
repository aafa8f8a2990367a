// Writes the deltas of a streamed chat as JSON, with the members that vLLM 0.13 sends.

import type { CallPart } from "../protocol/message-part.ts";
import { toolCallId } from "./assistant-message.ts";

export function contentDelta(text: string): string {
  return `{"content":${JSON.stringify(text)},"reasoning_content":null}`;
}

export function reasoningDelta(text: string): string {
  const json = JSON.stringify(text);
  return `{"reasoning":${json},"reasoning_content":${json}}`;
}

/** The first delta of a call contains its ID and whole name; later deltas contain only arguments. */
export function callDelta(part: CallPart): string {
  const { index } = part;
  const call =
    part.kind === "tool_call"
      ? { id: toolCallId(), type: "function", index, function: { name: part.name, arguments: "" } }
      : { index, function: { arguments: part.text } };
  return `{"reasoning_content":null,"tool_calls":${JSON.stringify([call])}}`;
}
