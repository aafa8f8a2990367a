// Converts scripted outputs into a message and into stream events, which combine into the same message.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { GeneratedMessage, SIGNATURE } from "../../../src/api/messages/message-body.ts";
import { MessageEventWriter } from "../../../src/api/messages/message-events.ts";
import type { MessagePart } from "../../../src/protocol/message-part.ts";
import {
  cuts,
  messageParts,
  scriptedChat,
  scriptedOutputs,
  splitParts,
} from "../../support/scripted-chat.ts";

interface Event {
  readonly type: string;
  readonly index: number;
  readonly message: Record<string, unknown>;
  readonly content_block: Record<string, unknown>;
  readonly delta: Record<string, unknown>;
  readonly usage: object;
}

const INIT = { chat: scriptedChat(), model: null, showsThinking: true };

type Outputs = ReturnType<typeof scriptedOutputs>;

function eventsOf(outputs: Outputs): Event[] {
  const writer = new MessageEventWriter(INIT);
  const text = outputs.map((output) => writer.event(output)).join("") + writer.end();
  return text
    .split("\n\n")
    .slice(0, -1)
    .map((event) => {
      const [, name, data] = /^event: (\w+)\ndata: (.*)$/.exec(event) ?? [];
      const parsed = JSON.parse(data ?? "") as Event;
      expect(parsed.type).toBe(name ?? "");
      return parsed;
    });
}

function bodyOf(outputs: Outputs) {
  const message = new GeneratedMessage(INIT);
  for (const output of outputs) message.add(output);
  return message.body();
}

/** Assembles a message as Anthropic's clients do. */
function assembled(events: readonly Event[]) {
  let message: Record<string, unknown> = {};
  const content: Record<string, unknown>[] = [];
  const json: string[] = [];
  for (const { type, index, message: started, content_block, delta, usage } of events) {
    const block = content[index];
    if (type === "message_start") message = { ...started };
    else if (type === "content_block_start") content.push({ ...content_block });
    else if (type === "content_block_delta") {
      for (const [name, text] of Object.entries(delta)) {
        if (name === "partial_json") json[index] = (json[index] ?? "") + text;
        else if (name !== "type" && block !== undefined) block[name] = `${block[name]}${text}`;
      }
    } else if (type === "content_block_stop" && json[index] !== undefined && block !== undefined) {
      block["input"] = JSON.parse(json[index] ?? "");
    } else if (type === "message_delta") Object.assign(message, delta, { usage });
  }
  return { ...message, content };
}

const withoutIds = (value: unknown) =>
  JSON.parse(JSON.stringify(value).replaceAll(/toolu_[0-9a-f]{16}/g, "toolu"));

const CALLS: MessagePart[][] = [
  [{ kind: "reasoning", text: "hm" }],
  [{ kind: "text", text: "I " }],
  [
    { kind: "text", text: "look" },
    { kind: "tool_call", index: 0, name: "read" },
  ],
  [{ kind: "arguments", index: 0, text: '{"a":' }],
  [
    { kind: "arguments", index: 0, text: "1}" },
    { kind: "tool_call", index: 1, name: "list" },
    { kind: "arguments", index: 1, text: "{}" },
  ],
];

describe("a message's stream", () => {
  test("contains thinking, text, and two tools in order", () => {
    const shown = eventsOf(scriptedOutputs(CALLS)).map(({ type, index, delta, content_block }) =>
      [type, index ?? "", delta?.["type"] ?? content_block?.["type"] ?? ""].join(" ").trim(),
    );
    expect(shown).toEqual([
      "message_start",
      "content_block_start 0 thinking",
      "content_block_delta 0 thinking_delta",
      "content_block_delta 0 signature_delta",
      "content_block_stop 0",
      "content_block_start 1 text",
      "content_block_delta 1 text_delta",
      "content_block_delta 1 text_delta",
      "content_block_stop 1",
      "content_block_start 2 tool_use",
      "content_block_delta 2 input_json_delta",
      "content_block_delta 2 input_json_delta",
      "content_block_stop 2",
      "content_block_start 3 tool_use",
      "content_block_delta 3 input_json_delta",
      "content_block_stop 3",
      "message_delta",
      "message_stop",
    ]);
  });

  test("reports prompt tokens first, with cached tokens counted separately, and output tokens last", () => {
    const events = eventsOf(scriptedOutputs(CALLS));
    const input = {
      ...{ input_tokens: 6, cache_creation_input_tokens: 0, cache_read_input_tokens: 4 },
      output_tokens_details: null,
    };
    expect(events[0]?.message).toEqual({
      ...{ id: "answer-1", type: "message", role: "assistant", content: [], model: "tiny" },
      ...{ stop_reason: null, stop_sequence: null, usage: { ...input, output_tokens: 0 } },
    });
    expect(events.at(-2)).toMatchObject({
      delta: { stop_reason: "tool_use", stop_sequence: null },
      usage: { ...input, output_tokens: 5 },
    });
  });

  test("can be assembled into the whole message, no matter how the parts are split into steps", () => {
    fc.assert(
      fc.property(messageParts, cuts, (parts, split) => {
        const whole = withoutIds(bodyOf(scriptedOutputs([parts])));
        const outputs = scriptedOutputs(splitParts(parts, split));
        const usage = withoutIds(bodyOf(outputs)).usage;
        expect(withoutIds(bodyOf(outputs))).toEqual({ ...whole, usage });
        expect(withoutIds(assembled(eventsOf(outputs)))).toEqual({ ...whole, usage });
      }),
    );
  });

  test("has no blocks if the message is empty", () => {
    expect(eventsOf(scriptedOutputs([[]])).map(({ type }) => type)).toEqual([
      ...["message_start", "message_delta", "message_stop"],
    ]);
  });

  test("sends pings while it waits, and an error in place of the rest", () => {
    const { frame } = new MessageEventWriter(INIT);
    expect(frame.keepAlive()).toBe('event: ping\ndata: {"type":"ping"}\n\n');
    expect(frame.failure(new Error("secret"))).toBe(
      'event: error\ndata: {"type":"error","error":{"type":"api_error","message":"Internal server error"}}\n\n',
    );
  });
});

describe("a message", () => {
  const contentOf = (outputs: Outputs) => withoutIds(bodyOf(outputs)).content;
  const reasonOf = (outputs: Outputs) => {
    const { stop_reason, stop_sequence } = bodyOf(outputs);
    return [stop_reason, stop_sequence];
  };

  test("ends thinking with a signature", () => {
    expect(contentOf(scriptedOutputs([[{ kind: "reasoning", text: "hm" }]]))).toEqual([
      { type: "thinking", thinking: "hm", signature: SIGNATURE },
    ]);
  });

  test("reports why it ended", () => {
    const text: MessagePart[][] = [[{ kind: "text", text: "x" }]];
    expect(reasonOf(scriptedOutputs(text))).toEqual(["end_turn", null]);
    expect(reasonOf(scriptedOutputs(CALLS))).toEqual(["tool_use", null]);
    const cut = { finishReason: "length" as const };
    expect(reasonOf(scriptedOutputs(CALLS, cut))).toEqual(["max_tokens", null]);
    expect(reasonOf(scriptedOutputs(text, cut))).toEqual(["model_context_window_exceeded", null]);
    const stopped = { finishReason: "stop" as const, stopReason: "END" };
    expect(reasonOf(scriptedOutputs(text, stopped))).toEqual(["stop_sequence", "END"]);
    expect(reasonOf(scriptedOutputs(text, { ...stopped, stopReason: 7 }))).toEqual([
      ...["end_turn", null],
    ]);
  });

  test("includes an unfinished call as text", () => {
    const cut = scriptedOutputs(
      [
        [
          { kind: "tool_call", index: 0, name: "f" },
          { kind: "arguments", index: 0, text: '{"a": "b' },
        ],
      ],
      { finishReason: "length" },
    );
    expect(contentOf(cut)).toEqual([{ type: "text", text: '{"a": "b' }]);
  });

  test("fails if the request was canceled", () => {
    expect(() => bodyOf(scriptedOutputs([[]], { finishReason: "abort" }))).toThrow("canceled");
  });
});
