// Converts scripted outputs into a response and into stream events, which combine into the same response.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { parseBody } from "../../../src/api/parse-body.ts";
import { reasoningText } from "../../../src/api/responses/reasoning.ts";
import { GeneratedResponse } from "../../../src/api/responses/response-body.ts";
import { ResponseEventWriter } from "../../../src/api/responses/response-events.ts";
import { RESPONSES_FIELDS } from "../../../src/api/responses/schema.ts";
import { toolTable } from "../../../src/api/responses/tools.ts";
import { OverloadError, RequestError } from "../../../src/errors.ts";
import type { MessagePart } from "../../../src/protocol/message-part.ts";
import {
  cuts,
  messageParts,
  scriptedChat,
  scriptedOutputs,
  splitParts,
} from "../../support/scripted-chat.ts";

type Item = Record<string, unknown> & { content: Record<string, unknown>[] };

interface Event {
  readonly type: string;
  readonly sequence_number: number;
  readonly output_index: number;
  readonly content_index: number;
  readonly item_id: string;
  readonly item: Item;
  readonly part: Record<string, unknown>;
  readonly delta: string;
  readonly response: { readonly output: Item[]; readonly status: string; readonly error: object };
}

type Outputs = ReturnType<typeof scriptedOutputs>;

const TOOLS = [
  { type: "custom", name: "tool1" },
  { type: "namespace", name: "ns", tools: [{ type: "function", name: "f" }] },
];

function responseOf(body: object = {}) {
  const parsed = parseBody(RESPONSES_FIELDS, { input: "hi", ...body });
  const { context } = scriptedChat();
  const tools = toolTable(TOOLS);
  return new GeneratedResponse({ context, body: parsed, id: "resp_1", createdS: 5, tools });
}

function read(text: string): Event[] {
  return text
    .split("\n\n")
    .slice(0, -1)
    .map((event) => {
      const [, name, data] = /^event: ([\w.]+)\ndata: (.*)$/.exec(event) ?? [];
      const parsed = JSON.parse(data ?? "") as Event;
      expect(parsed.type).toBe(name ?? "");
      return parsed;
    });
}

function eventsOf(outputs: Outputs, body: object = {}): Event[] {
  const writer = new ResponseEventWriter(responseOf(body));
  const start = writer.frame.start();
  const texts = outputs.map((output) => writer.event(output));
  return read([start, ...texts, writer.end()].join(""));
}

function bodyOf(outputs: Outputs, body: object = {}) {
  const response = responseOf(body);
  for (const output of outputs) response.add(output);
  response.end();
  return response.body();
}

/** Assembles the output from its deltas only. */
function assembled(events: readonly Event[]): Item[] {
  const items: Item[] = [];
  for (const { type, output_index, item_id, item, part, delta, content_index } of events) {
    const open = items[output_index];
    if (type === "response.output_item.added") items.push(structuredClone(item));
    if (open === undefined || !type.startsWith("response.")) continue;
    if (item_id !== undefined) expect(item_id).toBe(open["id"] as string);
    if (type === "response.content_part.added") open.content.push({ ...part });
    const content = open.content?.[content_index];
    if (type.endsWith("_text.delta") && content) content["text"] = `${content["text"]}${delta}`;
    if (type.endsWith("arguments.delta")) open["arguments"] = `${open["arguments"]}${delta}`;
    if (type.endsWith("input.delta")) open["input"] = `${open["input"]}${delta}`;
  }
  return items;
}

/** Item properties that deltas contain. */
const essence = (items: readonly object[]) =>
  items.map((item) => {
    const { type, name, arguments: given, input, content } = item as Item;
    const texts = content?.map(({ type: kind, text }) => [kind, text]);
    return { type, name, given, input, texts };
  });

const shown = (events: readonly Event[]) => events.map(({ type }) => type.replace("response.", ""));

const TURN: MessagePart[][] = [
  [{ kind: "reasoning", text: "hm" }],
  [{ kind: "text", text: "I look" }],
  [
    { kind: "tool_call", index: 0, name: "ns__f" },
    { kind: "arguments", index: 0, text: '{"a":' },
  ],
  [
    { kind: "arguments", index: 0, text: "1}" },
    { kind: "tool_call", index: 1, name: "tool1" },
    { kind: "arguments", index: 1, text: '{"input":"*** Begin\\n' },
  ],
  [{ kind: "arguments", index: 1, text: '*** End"}' }],
];

describe("a response's stream", () => {
  test("has numbered events for each item in order", () => {
    const events = eventsOf(scriptedOutputs(TURN));
    expect(shown(events)).toEqual([
      ...["created", "in_progress"],
      ...["output_item.added", "content_part.added", "reasoning_text.delta"],
      ...["reasoning_text.done", "content_part.done", "output_item.done"],
      ...["output_item.added", "content_part.added", "output_text.delta", "output_text.done"],
      ...["content_part.done", "output_item.done"],
      ...["output_item.added", "function_call_arguments.delta", "function_call_arguments.delta"],
      ...["function_call_arguments.done", "output_item.done"],
      ...["output_item.added", "custom_tool_call_input.delta", "custom_tool_call_input.delta"],
      ...["custom_tool_call_input.done", "output_item.done", "completed"],
    ]);
    expect(events.map(({ sequence_number: number }) => number)).toEqual([...events.keys()]);
  });

  test("ends each item with the complete item, as in the response", () => {
    const events = eventsOf(scriptedOutputs(TURN));
    const done = events.filter(({ type }) => type === "response.output_item.done");
    const items = events.at(-1)?.response.output ?? [];
    expect(done.map(({ item }) => item)).toEqual(items);
    expect(items).toEqual([
      {
        ...{ id: expect.stringMatching(/^rs_/), type: "reasoning", summary: [] },
        content: [{ type: "reasoning_text", text: "hm" }],
        ...{ encrypted_content: null, status: "completed" },
      },
      {
        ...{ id: expect.stringMatching(/^msg_/), type: "message", role: "assistant" },
        content: [{ type: "output_text", text: "I look", annotations: [], logprobs: null }],
        status: "completed",
      },
      {
        ...{ id: expect.stringMatching(/^fc_/), type: "function_call", name: "f", namespace: "ns" },
        ...{ call_id: expect.stringMatching(/^call_/), arguments: '{"a":1}', status: "completed" },
      },
      {
        ...{ id: expect.stringMatching(/^ctc_/), type: "custom_tool_call", name: "tool1" },
        ...{ call_id: expect.stringMatching(/^call_/), input: "*** Begin\n*** End" },
        status: "completed",
      },
    ] as never);
  });

  test("can be assembled into the whole response, no matter how the parts are split into steps", () => {
    fc.assert(
      fc.property(messageParts, cuts, (parts, split) => {
        const whole = essence(bodyOf(scriptedOutputs([parts])).output);
        const outputs = scriptedOutputs(splitParts(parts, split));
        expect(essence(bodyOf(outputs).output)).toEqual(whole);
        const events = eventsOf(outputs);
        expect(essence(events.at(-1)?.response.output ?? [])).toEqual(whole);
        expect(essence(assembled(events))).toEqual(whole);
      }),
    );
  });

  test("is kept alive by numbered events while it is silent", () => {
    const writer = new ResponseEventWriter(responseOf());
    const events = read(writer.frame.start() + writer.frame.keepAlive());
    expect(shown(events)).toEqual(["created", "in_progress", "in_progress"]);
    expect(events[2]?.sequence_number).toBe(2);
  });

  test.each([
    [
      new RequestError("context_length", "too long"),
      { code: "context_length_exceeded", message: "too long" },
    ],
    [
      new OverloadError("queue_timeout", "It waited.", 3),
      { code: "rate_limit_exceeded", message: "It waited. Please try again in 3s." },
    ],
    [new Error("secret"), { code: "server_error", message: "Internal server error" }],
  ])("ends with a failed response after %p", (error, expected) => {
    const writer = new ResponseEventWriter(responseOf());
    const [event] = read(writer.frame.failure(error));
    expect(event).toMatchObject({
      type: "response.failed",
      response: { status: "failed", error: expected },
    });
  });
});

describe("a response", () => {
  test("reports its usage like vLLM, with cached and reasoning tokens", () => {
    const { usage } = bodyOf(scriptedOutputs([[{ kind: "reasoning", text: "hm" }]]));
    expect(usage).toEqual({
      input_tokens: 10,
      input_tokens_details: {
        cached_tokens: 4,
        input_tokens_per_turn: [],
        cached_tokens_per_turn: [],
      },
      output_tokens: 1,
      output_tokens_details: {
        reasoning_tokens: 1,
        tool_output_tokens: 0,
        output_tokens_per_turn: [],
        tool_output_tokens_per_turn: [],
      },
      total_tokens: 11,
    });
  });

  test("is incomplete if it was cut off, as is its last item", () => {
    const cut = { finishReason: "length" as const };
    const { status, incomplete_details, output } = bodyOf(scriptedOutputs(TURN.slice(0, 2), cut));
    expect([status, incomplete_details]).toEqual(["incomplete", { reason: "max_output_tokens" }]);
    expect(output.map((item) => (item as Item)["status"])).toEqual(["completed", "incomplete"]);
    expect(eventsOf(scriptedOutputs(TURN, cut)).at(-1)?.type).toBe("response.incomplete");
  });

  test("contains its reasoning as encrypted_content for clients that store it", () => {
    const include = ["reasoning.encrypted_content"];
    const [item] = bodyOf(scriptedOutputs(TURN), { include }).output as Item[];
    expect(reasoningText({ encrypted_content: item?.["encrypted_content"] as string })).toBe("hm");
  });

  test("is queued in the background until its first token", () => {
    const response = responseOf({ background: true });
    expect(response.status).toBe("queued");
    const [first] = scriptedOutputs(TURN);
    if (first !== undefined) response.add(first);
    expect(response.status).toBe("in_progress");
    response.cancel();
    response.fail(new Error("x"));
    response.end();
    expect(response.body()).toMatchObject({ status: "cancelled" });
  });
});
