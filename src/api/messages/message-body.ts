// Builds the message that /v1/messages returns: its content blocks, stop reason and usage.

import { RequestError } from "../../errors.ts";
import type { RequestOutput } from "../../protocol/protocol.ts";
import { modelName } from "../api-context.ts";
import { type BlockEvent, type MessageBlock, MessageBlocks } from "../message-blocks.ts";
import type { StartedChat } from "../started-chat.ts";
import { toolCallId } from "../tool-call-id.ts";

/** Clients send thinking back only if it has a signature. The server does not verify it, so any text will do. */
export const SIGNATURE = "cGFnb2Rh";

export type StopReason =
  | "end_turn"
  | "max_tokens"
  | "stop_sequence"
  | "tool_use"
  | "model_context_window_exceeded";

export interface MessageStop {
  readonly stop_reason: StopReason;
  /** The stop string that was matched, if that is the stop reason; otherwise null. */
  readonly stop_sequence: string | null;
}

export interface MessageInit {
  readonly chat: StartedChat;
  /** Model name from the request, since Claude Code discards thinking from any other model. Null = the served name. */
  readonly model: string | null;
  readonly showsThinking: boolean;
}

/** Accumulates a message while its outputs arrive. */
export class GeneratedMessage {
  readonly #chat: StartedChat;
  readonly #model: string;
  readonly #blocks: MessageBlocks;
  readonly #ids = new Map<MessageBlock, string>();
  #numTokens = 0;
  #numCachedTokens = 0;
  #numThinkingTokens = 0;
  #stop: MessageStop = { stop_reason: "end_turn", stop_sequence: null };

  constructor({ chat, model, showsThinking }: MessageInit) {
    this.#chat = chat;
    this.#model = model || modelName(chat.context, null);
    this.#blocks = new MessageBlocks({ showsReasoning: showsThinking });
  }

  /** @throws RequestError "request_canceled" for an output that ends a canceled request */
  add(output: RequestOutput): BlockEvent[] {
    if (output.finishReason === "abort") {
      throw new RequestError("request_canceled", "The request was canceled.");
    }
    this.#numTokens += output.tokenIds.length;
    this.#numCachedTokens = output.numCachedTokens;
    this.#numThinkingTokens = output.numReasoningTokens;
    const events = this.#blocks.add(output);
    if (output.finishReason !== null) this.#stop = this.#stopOf(output);
    return events;
  }

  /** Called after the last output. */
  end(): BlockEvent[] {
    return this.#blocks.end();
  }

  get stop(): MessageStop {
    return this.#stop;
  }

  /** Usage in Anthropic's terms, in which input tokens exclude those found in the cache. */
  get usage() {
    const canThink = (this.#chat.parsing?.reasoningParser ?? null) !== null;
    return {
      input_tokens: this.#chat.promptIds.length - this.#numCachedTokens,
      cache_creation_input_tokens: 0,
      cache_read_input_tokens: this.#numCachedTokens,
      output_tokens: this.#numTokens,
      output_tokens_details: canThink ? { thinking_tokens: this.#numThinkingTokens } : null,
    };
  }

  /** @returns the message so far */
  body() {
    const { blocks } = this.#blocks;
    return this.#message(
      blocks.map((block) => this.#contentBlock(block)),
      this.#stop,
    );
  }

  /** @returns the message at the start of a stream */
  emptyBody() {
    const message = this.#message([], { stop_reason: null, stop_sequence: null });
    return { ...message, usage: { ...this.usage, output_tokens: 0 } };
  }

  /** @returns a block at its start in a stream */
  emptyBlock(block: MessageBlock): object {
    switch (block.kind) {
      case "text":
        return { type: "text", text: "" };
      case "reasoning":
        return { type: "thinking", thinking: "", signature: "" };
      case "tool_call":
        return this.#toolUse(block, {});
    }
  }

  #message(
    content: readonly object[],
    stop: MessageStop | { readonly stop_reason: null; readonly stop_sequence: null },
  ) {
    const { id } = this.#chat;
    const head = { id, type: "message", role: "assistant", content, model: this.#model };
    return { ...head, ...stop, usage: this.usage };
  }

  #contentBlock(block: MessageBlock): object {
    switch (block.kind) {
      case "text":
        return { type: "text", text: block.text };
      case "reasoning":
        return { type: "thinking", thinking: block.text, signature: SIGNATURE };
      case "tool_call": {
        const input = argumentsOf(block.text);
        return input === null ? { type: "text", text: block.text } : this.#toolUse(block, input);
      }
    }
  }

  #toolUse(block: MessageBlock, input: object): object {
    const id = this.#ids.get(block) ?? toolCallId(this.#chat, block.name, this.#ids.size, "toolu_");
    this.#ids.set(block, id);
    return { type: "tool_use", id, name: block.name, input };
  }

  #stopOf({ finishReason, stopReason }: RequestOutput): MessageStop {
    if (finishReason === "length") return { stop_reason: this.#limit, stop_sequence: null };
    if (typeof stopReason === "string") {
      return { stop_reason: "stop_sequence", stop_sequence: stopReason };
    }
    const calls = this.#blocks.blocks.some(({ kind }) => kind === "tool_call");
    return { stop_reason: calls ? "tool_use" : "end_turn", stop_sequence: null };
  }

  /** The limit that ended the output: a number of tokens, or the end of the context. */
  get #limit(): StopReason {
    const { body, context, promptIds } = this.#chat;
    const isFull = promptIds.length + this.#numTokens >= context.front.info.maxModelLen;
    const isAsked = body.max_tokens !== null && this.#numTokens >= body.max_tokens;
    return isFull && !isAsked ? "model_context_window_exceeded" : "max_tokens";
  }
}

/** @returns null if the text is not an object because the call was cut off */
function argumentsOf(text: string): object | null {
  try {
    const value: unknown = JSON.parse(text === "" ? "{}" : text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}
