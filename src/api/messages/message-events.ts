// Writes a streamed message's events in Anthropic's order: message_start, then content_block_start, deltas and
// content_block_stop for each block, then message_delta and message_stop.

import type { SequenceOutput } from "../../front/output-stream.ts";
import { type ChunkWriter, namedEvent, type StreamFrame } from "../events.ts";
import type { BlockEvent, MessageBlock } from "../message-blocks.ts";
import { messagesErrorBody } from "./error-body.ts";
import { GeneratedMessage, type MessageInit, SIGNATURE } from "./message-body.ts";

type Event = { readonly type: string } & Readonly<Record<string, unknown>>;

const eventText = (event: Event): string => namedEvent(event.type, JSON.stringify(event));

const FRAME: StreamFrame = {
  // The first event reports the cached tokens, so it is sent with the first output. Pings may come before it.
  start: () => "",
  keepAlive: () => eventText({ type: "ping" }),
  failure: (error) => eventText({ ...messagesErrorBody(error) }),
  terminator: "",
};

export class MessageEventWriter implements ChunkWriter<SequenceOutput> {
  readonly frame = FRAME;
  readonly #message: GeneratedMessage;
  #hasStarted = false;

  constructor(init: MessageInit) {
    this.#message = new GeneratedMessage(init);
  }

  event(output: SequenceOutput): string {
    const blockEvents = this.#message.add(output);
    return this.#startEvent() + blockEvents.map((event) => this.#blockEvents(event)).join("");
  }

  end(): string {
    const { stop, usage } = this.#message;
    const blockEvents = this.#message.end().map((event) => this.#blockEvents(event));
    return [
      ...blockEvents,
      eventText({ type: "message_delta", delta: stop, usage }),
      eventText({ type: "message_stop" }),
    ].join("");
  }

  #startEvent(): string {
    if (this.#hasStarted) return "";
    this.#hasStarted = true;
    return eventText({ type: "message_start", message: this.#message.emptyBody() });
  }

  #blockEvents(event: BlockEvent): string {
    const { block } = event;
    const { index } = block;
    switch (event.type) {
      case "start":
        return eventText({
          type: "content_block_start",
          index,
          content_block: this.#message.emptyBlock(block),
        });
      case "delta":
        return deltaEvent(index, deltaOf(block, event.text));
      case "stop":
        return (
          (block.kind === "reasoning"
            ? deltaEvent(index, { type: "signature_delta", signature: SIGNATURE })
            : "") + eventText({ type: "content_block_stop", index })
        );
    }
  }
}

const deltaEvent = (index: number, delta: object): string =>
  eventText({ type: "content_block_delta", index, delta });

function deltaOf({ kind }: MessageBlock, text: string): object {
  switch (kind) {
    case "text":
      return { type: "text_delta", text };
    case "reasoning":
      return { type: "thinking_delta", thinking: text };
    case "tool_call":
      return { type: "input_json_delta", partial_json: text };
  }
}
