// Builds a chat completion's message and finish reason.

import type { MessagePart } from "../protocol/message-part.ts";
import type { FinishReason } from "../request/request-status.ts";
import type { Choice } from "./choice.ts";
import { CustomInput } from "./custom-input.ts";
import type { StartedChat } from "./started-chat.ts";
import { toolCallId } from "./tool-call-id.ts";

export type ToolCall =
  | {
      readonly id: string;
      readonly type: "function";
      readonly function: { readonly name: string; readonly arguments: string };
    }
  | {
      readonly id: string;
      readonly type: "custom";
      readonly custom: { readonly name: string; readonly input: string };
    };

/** @returns a choice's message, with the same members as in vLLM, including those that are null */
export function assistantMessage(chat: StartedChat, { text, parts }: Choice) {
  const calls = toolCalls(chat, parts ?? []);
  const thoughts = joinedText(parts ?? [], "reasoning");
  const { kind } = chat.choice;
  const isForced = kind === "required" || kind === "named";
  const isEmpty = text === "" && !isForced && (calls.length > 0 || thoughts !== "");
  const reasoning = chat.body.include_reasoning && thoughts !== "" ? thoughts : null;
  return {
    role: chat.role,
    content: isEmpty && chat.prefix === "" ? null : chat.prefix + text,
    refusal: null,
    annotations: null,
    audio: null,
    function_call: null,
    tool_calls: calls,
    reasoning,
    reasoning_content: reasoning,
  };
}

/** @returns "tool_calls" for a message that stopped by itself and contains tool calls; otherwise `reason` */
export function chatFinishReason(
  chat: StartedChat,
  reason: FinishReason | null,
  hasCalls: boolean,
): FinishReason | "tool_calls" | null {
  // vLLM keeps "stop" for a named tool.
  return hasCalls && reason === "stop" && chat.choice.kind !== "named" ? "tool_calls" : reason;
}

export function hasCalls(parts: readonly MessagePart[] | null): boolean {
  return parts?.some(({ kind }) => kind === "tool_call") === true;
}

function toolCalls(chat: StartedChat, parts: readonly MessagePart[]): ToolCall[] {
  const called: { name: string; arguments: string }[] = [];
  for (const part of parts) {
    if (part.kind === "tool_call") called[part.index] = { name: part.name, arguments: "" };
    const call = part.kind === "arguments" ? called[part.index] : undefined;
    if (part.kind === "arguments" && call !== undefined) call.arguments += part.text;
  }
  return called.map((call, index) => {
    const id = toolCallId(chat, call.name, index);
    if (!chat.customTools.has(call.name)) return { id, type: "function", function: call };
    return { id, type: "custom", custom: { name: call.name, input: inputOf(call.arguments) } };
  });
}

function inputOf(text: string): string {
  const input = new CustomInput();
  input.add(text);
  input.end();
  return input.text;
}

function joinedText(parts: readonly MessagePart[], kind: MessagePart["kind"]): string {
  return parts.map((part) => (part.kind === kind && "text" in part ? part.text : "")).join("");
}
