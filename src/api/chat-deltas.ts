// Writes a streamed chat's deltas as JSON, with the members that vLLM 0.13 sends.

import type { CallPart } from "../protocol/message-part.ts";
import { CustomInput } from "./custom-input.ts";
import type { StartedChat } from "./started-chat.ts";
import { toolCallId } from "./tool-call-id.ts";

export function contentDelta(text: string): string {
  return `{"content":${JSON.stringify(text)},"reasoning_content":null}`;
}

export function reasoningDelta(text: string): string {
  const json = JSON.stringify(text);
  return `{"reasoning":${json},"reasoning_content":${json}}`;
}

/**
 * Writes the deltas of a choice's calls. The first delta of a call contains its ID and whole name; later deltas contain
 * only arguments or, for a custom tool, input.
 */
export class CallDeltas {
  readonly #chat: StartedChat;
  /** Input of the custom tool that is being called; null = no custom tool is being called. */
  #input: { readonly index: number; readonly text: CustomInput } | null = null;

  constructor(chat: StartedChat) {
    this.#chat = chat;
  }

  add(part: CallPart): string[] {
    if (part.kind === "tool_call") return [...this.end(), this.#head(part)];
    if (this.#input === null) {
      return [callsDelta({ index: part.index, function: { arguments: part.text } })];
    }
    return inputDeltas(part.index, this.#input.text.add(part.text));
  }

  /** @returns the deltas that end the last call */
  end(): string[] {
    const input = this.#input;
    this.#input = null;
    return input === null ? [] : inputDeltas(input.index, input.text.end());
  }

  #head({ index, name }: Extract<CallPart, { kind: "tool_call" }>): string {
    const id = toolCallId(this.#chat, name, index);
    if (!this.#chat.customTools.has(name)) {
      const called = { name, arguments: "" };
      return callsDelta({ id, type: "function", index, function: called });
    }
    this.#input = { index, text: new CustomInput() };
    return callsDelta({ id, type: "custom", index, custom: { name, input: "" } });
  }
}

function inputDeltas(index: number, input: string): string[] {
  return input === "" ? [] : [callsDelta({ index, custom: { input } })];
}

function callsDelta(call: object): string {
  return `{"reasoning_content":null,"tool_calls":${JSON.stringify([call])}}`;
}
