// Accumulates a response's output items as their text arrives and creates the events for them.

import { randomHex } from "../answer-id.ts";
import { CustomInput } from "../custom-input.ts";
import type { chatLogprobs } from "../logprobs.ts";
import type { MessageBlock } from "../message-blocks.ts";
import { sealed } from "./reasoning.ts";
import type { ToolOrigin } from "./tools.ts";

export type ItemStatus = "in_progress" | "completed" | "incomplete";
export type TokenLogprobs = ReturnType<typeof chatLogprobs>["content"];

/** An event without its position in the stream and the output. */
export type ItemEvent = { readonly type: string } & Readonly<Record<string, unknown>>;

export interface OutputItem {
  readonly id: string;
  status: ItemStatus;
  /** @returns the item so far */
  json(): object;
  /** @returns events to send after the one that adds the item */
  begin(): ItemEvent[];
  append(text: string, logprobs: TokenLogprobs): ItemEvent[];
  /** @returns events to send before the one that ends the item */
  finish(): ItemEvent[];
}

export interface ItemOptions {
  /** Tools by function name. */
  readonly origins: ReadonlyMap<string, ToolOrigin>;
  readonly sealsReasoning: boolean;
  readonly hasLogprobs: boolean;
  /** @returns an ID for the next function call */
  readonly nextCallId: (name: string) => string;
}

export function outputItem({ kind, name }: MessageBlock, options: ItemOptions): OutputItem {
  if (kind === "text") return new TextItem(options.hasLogprobs);
  if (kind === "reasoning") return new ReasoningItem(options.sealsReasoning);
  const origin = options.origins.get(name) ?? { kind: "function", name, namespace: null };
  const head = callHead(origin, options.nextCallId(name));
  return origin.kind === "custom" ? new CustomCallItem(head) : new FunctionCallItem(head);
}

class TextItem implements OutputItem {
  readonly id = `msg_${randomHex()}`;
  status: ItemStatus = "in_progress";
  #text = "";
  readonly #logprobs: TokenLogprobs | null;

  constructor(hasLogprobs: boolean) {
    this.#logprobs = hasLogprobs ? [] : null;
  }

  json() {
    const { id, status } = this;
    const content = this.#text === "" ? [] : [this.#part()];
    return { id, content, role: "assistant", status, type: "message" };
  }

  begin(): ItemEvent[] {
    const part = { annotations: [], text: "", type: "output_text", logprobs: [] };
    return [{ type: "response.content_part.added", content_index: 0, part }];
  }

  append(delta: string, logprobs: TokenLogprobs): ItemEvent[] {
    this.#text += delta;
    this.#logprobs?.push(...logprobs);
    return [{ type: "response.output_text.delta", content_index: 0, delta, logprobs }];
  }

  finish(): ItemEvent[] {
    const logprobs = this.#logprobs ?? [];
    return [
      { type: "response.output_text.done", content_index: 0, text: this.#text, logprobs },
      { type: "response.content_part.done", content_index: 0, part: this.#part() },
    ];
  }

  #part() {
    return { annotations: [], text: this.#text, type: "output_text", logprobs: this.#logprobs };
  }
}

class ReasoningItem implements OutputItem {
  readonly id = `rs_${randomHex()}`;
  status: ItemStatus = "in_progress";
  #text = "";
  readonly #isSealed: boolean;

  constructor(isSealed: boolean) {
    this.#isSealed = isSealed;
  }

  json() {
    const { id, status } = this;
    const isEmpty = this.#text === "";
    const content = isEmpty ? [] : [this.#part()];
    const encrypted_content = this.#isSealed && !isEmpty ? sealed(this.#text) : null;
    return { id, summary: [], type: "reasoning", content, encrypted_content, status };
  }

  begin(): ItemEvent[] {
    const part = { type: "reasoning_text", text: "" };
    return [{ type: "response.content_part.added", content_index: 0, part }];
  }

  append(delta: string): ItemEvent[] {
    this.#text += delta;
    return [{ type: "response.reasoning_text.delta", content_index: 0, delta }];
  }

  finish(): ItemEvent[] {
    return [
      { type: "response.reasoning_text.done", content_index: 0, text: this.#text },
      { type: "response.content_part.done", content_index: 0, part: this.#part() },
    ];
  }

  #part() {
    return { type: "reasoning_text", text: this.#text };
  }
}

/** @returns the members that identify the tool and the call */
const callHead = ({ name, namespace }: ToolOrigin, callId: string) => ({
  call_id: callId,
  name,
  ...(namespace !== null && { namespace }),
});

type CallHead = ReturnType<typeof callHead>;

class FunctionCallItem implements OutputItem {
  readonly id = `fc_${randomHex()}`;
  status: ItemStatus = "in_progress";
  readonly #head: CallHead;
  #arguments = "";

  constructor(head: CallHead) {
    this.#head = head;
  }

  json() {
    const { id, status } = this;
    return { id, type: "function_call", ...this.#head, arguments: this.#arguments, status };
  }

  begin(): ItemEvent[] {
    return [];
  }

  append(delta: string): ItemEvent[] {
    this.#arguments += delta;
    return [{ type: "response.function_call_arguments.delta", delta }];
  }

  finish(): ItemEvent[] {
    const { name } = this.#head;
    return [{ type: "response.function_call_arguments.done", name, arguments: this.#arguments }];
  }
}

class CustomCallItem implements OutputItem {
  readonly id = `ctc_${randomHex()}`;
  status: ItemStatus = "in_progress";
  readonly #head: CallHead;
  readonly #input = new CustomInput();

  constructor(head: CallHead) {
    this.#head = head;
  }

  json() {
    const { id, status } = this;
    return { id, type: "custom_tool_call", ...this.#head, input: this.#input.text, status };
  }

  begin(): ItemEvent[] {
    return [];
  }

  append(text: string): ItemEvent[] {
    return this.#deltas(this.#input.add(text));
  }

  finish(): ItemEvent[] {
    const rest = this.#deltas(this.#input.end());
    return [...rest, { type: "response.custom_tool_call_input.done", input: this.#input.text }];
  }

  #deltas(delta: string): ItemEvent[] {
    return delta === "" ? [] : [{ type: "response.custom_tool_call_input.delta", delta }];
  }
}
