// Collects a generated message's blocks: runs of text, runs of reasoning, and tool calls. Used by routes whose
// responses are lists of such blocks, both for streamed events and for whole bodies.

import { assert } from "../assert.ts";
import type { MessagePart } from "../protocol/message-part.ts";
import type { RequestOutput } from "../protocol/protocol.ts";

export interface MessageBlock {
  /** The block's position in the message. */
  readonly index: number;
  readonly kind: "text" | "reasoning" | "tool_call";
  /** Name of the called tool; "" for other blocks. */
  readonly name: string;
  /** Text so far; for a tool call, the JSON text of its arguments. */
  text: string;
}

export type BlockEvent =
  | { readonly type: "start" | "stop"; readonly block: MessageBlock }
  | { readonly type: "delta"; readonly block: MessageBlock; readonly text: string };

export interface MessageBlocksOptions {
  /** Whether to keep the reasoning; false = drop it. */
  readonly showsReasoning: boolean;
}

export class MessageBlocks {
  readonly blocks: MessageBlock[] = [];
  readonly #showsReasoning: boolean;
  #open: MessageBlock | null = null;
  /** Number of tool calls so far. */
  #numCalls = 0;

  constructor({ showsReasoning }: MessageBlocksOptions) {
    this.#showsReasoning = showsReasoning;
  }

  /** @returns the events for an output, whose unparsed text counts as a single part */
  add({ parts, text }: Pick<RequestOutput, "parts" | "text">): BlockEvent[] {
    return (parts ?? [{ kind: "text", text } as const]).flatMap((part) => this.#addPart(part));
  }

  /** @returns the event that ends the last block, if that block is open */
  end(): BlockEvent[] {
    const block = this.#open;
    this.#open = null;
    return block === null ? [] : [{ type: "stop", block }];
  }

  #addPart(part: MessagePart): BlockEvent[] {
    switch (part.kind) {
      case "tool_call":
        assert(part.index === this.#numCalls++, "a tool call is out of order");
        return this.#start("tool_call", part.name);
      case "arguments":
        assert(part.index === this.#numCalls - 1, "arguments belong to the last tool call");
        return this.#append(part.text);
      case "reasoning":
        return this.#showsReasoning ? this.#addText(part.kind, part.text) : [];
      case "text":
        return this.#addText(part.kind, part.text);
    }
  }

  #addText(kind: "text" | "reasoning", text: string): BlockEvent[] {
    if (text === "") return [];
    const started = this.#open?.kind === kind ? [] : this.#start(kind, "");
    return [...started, ...this.#append(text)];
  }

  #start(kind: MessageBlock["kind"], name: string): BlockEvent[] {
    const ended = this.end();
    const block = { index: this.blocks.length, kind, name, text: "" };
    this.blocks.push(block);
    this.#open = block;
    return [...ended, { type: "start", block }];
  }

  #append(text: string): BlockEvent[] {
    const block = this.#open;
    if (block === null || text === "") return [];
    block.text += text;
    return [{ type: "delta", block, text }];
  }
}
