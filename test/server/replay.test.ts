// Sends every request recorded from vLLM 0.13 to the app and compares the status, the media type, and the
// names and types of members (in streams, those of each event). Text, IDs and numbers differ, since the model
// is a fake. recordings.test.ts checks values.

import { describe, expect, test } from "bun:test";
import { DEFAULT_ANSWER_OPTIONS } from "../../src/api/answer-options.ts";
import type { ServerContext } from "../../src/server/server-context.ts";
import { type FakeEngineOptions, makeApp } from "../support/fake-engine.ts";
import RECORDINGS from "../support/vllm-recordings.json";

interface Recording {
  readonly name: string;
  readonly request: {
    readonly method: string;
    readonly path: string;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: unknown;
  };
  readonly status: number;
  readonly contentType: string | null;
  readonly body?: unknown;
  readonly events?: readonly unknown[];
}

/** Deliberate differences, which docs/compatibility.md lists. */
const DIFFERENT: Readonly<Record<string, string>> = {
  "chat-bad-array-body": "400, where vLLM fails with a 500",
  "comp-bad-token-negative": "400, where vLLM generates from it",
  embeddings: "404, where vLLM sends an error with HTTP 200",
  pooling: "404, where vLLM sends an error with HTTP 200",
  "health-head": "200, since load balancers probe with HEAD",
  "messages-bad-no-max": "an error in Anthropic's form",
  messages: "members of Anthropic's API that vLLM leaves out",
  "messages-stream": "members of Anthropic's API that vLLM leaves out; no [DONE]",
  "chat-tools-required": "200, since calls need no flags and no complete arguments",
  "flags-chat-tools-required": "200, since calls need no complete arguments",
  "flags-chat-tools-named-stream": "a call's first delta has no arguments",
  models: "more members, for clients of other servers",
  responses: "an answer cut off by its limit is incomplete",
  "responses-list": "an answer cut off by its limit is incomplete",
  "responses-stream": "an answer cut off by its limit is incomplete; messages have no `summary`",
};

/** Members to replace, since the fake model has one token per byte. */
const REPLACED: Readonly<Record<string, object>> = {
  "chat-logit-bias": { logit_bias: { "2": -100, "195": 5 } },
  "chat-tools-named": { max_tokens: 200 },
  "flags-chat-tools-named-stream": { max_tokens: 200 },
};

const LONG = [{ role: "user", content: "word ".repeat(3000) }];

type Shape = string | readonly Shape[] | { readonly [name: string]: Shape };

/** Objects whose names are data: tokens by text or ID. */
const isMap = (name: string, value: object) =>
  (name === "top_logprobs" && !("token" in value)) || name === "prompt_logprobs";

/** Members that depend on the generated text. */
const isFree = (name: string) => name === "stop_reason";

/** Names and types of members; for a list, those of its distinct items. */
function shapeOf(value: unknown, name = ""): Shape {
  if (isFree(name)) return "any";
  if (value === null) return "null";
  if (Array.isArray(value)) {
    const shapes = value.map((item) => shapeOf(item, name));
    return [...new Map(shapes.map((shape) => [JSON.stringify(shape), shape])).values()];
  }
  if (typeof value !== "object") return typeof value;
  if (isMap(name, value)) return { "*": [...new Set(Object.values(value).map(keyOf))] };
  const members = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
  return Object.fromEntries(members.map(([key, member]) => [key, shapeOf(member, key)]));
}

const keyOf = (value: unknown) => JSON.stringify(shapeOf(value));

/** Shapes of events, with identical adjacent events joined, since the number of tokens differs. */
function eventShapes(events: readonly unknown[]): Shape[] {
  const shapes = events.map((event) => (event === "[DONE]" ? event : shapeOf(event)));
  return shapes.filter((shape, i) => JSON.stringify(shape) !== JSON.stringify(shapes[i - 1]));
}

function eventsIn(text: string): unknown[] {
  const blocks = text.split("\n\n").filter((block) => block !== "" && !block.startsWith(":"));
  return blocks.map((block) => {
    const [, event] = /^event: (.*)$/m.exec(block) ?? [];
    const [, data = ""] = /^data: (.*)$/m.exec(block) ?? [];
    const parsed: unknown = data === "[DONE]" ? data : JSON.parse(data);
    return event === undefined ? parsed : { event, data: parsed };
  });
}

/** No prefix cache, since vLLM reports cached tokens only with a flag. A slow model yields an event per token. */
function start(options: FakeEngineOptions = {}, context: Partial<ServerContext> = {}) {
  const scheduler = { maxModelLen: 2048, enablePrefixCaching: false };
  const model = { stepDelayMs: 1, ...options.model };
  return makeApp({ ...options, scheduler, model }, { servedModelNames: ["smollm2"], ...context })
    .app;
}

/** A model that calls a tool. */
const CALLING: FakeEngineOptions = {
  chatFormat: { toolParser: "hermes", reasoningParser: null },
  model: { answer: '<tool_call>\n{"name": "get_weather", "arguments": {}}\n</tool_call>' },
};
/** The server's flags in recordings whose names begin with "flags-". */
const FLAGS: Partial<ServerContext> = {
  answers: { ...DEFAULT_ANSWER_OPTIONS, showsNoCachedTokens: true },
  tracksLoad: true,
  sendsRequestIds: true,
};

/** Apps by recording name prefix; the first match answers. */
const APPS: readonly (readonly [prefix: string, app: ReturnType<typeof start>])[] = [
  ["flags-chat-tools-default", start({}, FLAGS)],
  ["flags-", start(CALLING, FLAGS)],
  ["chat-tools-", start(CALLING)],
  ["", start()],
];

function bodyOf({ name, request: { body } }: Recording): string | null {
  if (body === undefined) return null;
  if (typeof body === "string") return body;
  const { messages, ...others } = body as { messages?: unknown };
  const conversation =
    messages === undefined ? {} : { messages: messages === "LONG" ? LONG : messages };
  return JSON.stringify({ ...others, ...conversation, ...REPLACED[name] });
}

async function answerTo(recording: Recording): Promise<Response> {
  const { method, path, headers } = recording.request;
  const body = bodyOf(recording);
  const media = body === null ? {} : { "content-type": "application/json" };
  const [, app] = APPS.find(([prefix]) => recording.name.startsWith(prefix)) ?? [];
  if (app === undefined) throw new Error("no app");
  return app.handle(
    new Request(`http://localhost${path}`, { method, headers: { ...media, ...headers }, body }),
  );
}

/** Compared parts of a response from vLLM or from the app. */
async function seenIn(response: Response, recording: Recording) {
  const text = await response.text();
  const body = recording.body !== undefined && { body: shapeOf(JSON.parse(text)) };
  const events = recording.events !== undefined && { events: eventShapes(eventsIn(text)) };
  const contentType = response.headers.get("content-type");
  return { status: response.status, contentType, ...errorIn(text), ...body, ...events };
}

/** Error members that clients match on. */
function errorIn(text: string): object {
  if (!text.startsWith('{"error":{')) return {};
  const { type, param, code } = (JSON.parse(text) as { error: Record<string, unknown> }).error;
  return { error: { type, param, code } };
}

function recordedIn({ status, contentType, body, events }: Recording) {
  return {
    ...{ status, contentType },
    ...(body !== undefined && errorIn(JSON.stringify(body))),
    ...(body !== undefined && { body: shapeOf(body) }),
    ...(events !== undefined && { events: eventShapes(events) }),
  };
}

const recordings = RECORDINGS as Recording[];
const named = (names: object) => recordings.filter(({ name }) => name in names);

describe("a recorded request", () => {
  const same = recordings.filter(({ name }) => !(name in DIFFERENT));

  test.each(same.map((recording) => [recording.name, recording] as const))(
    "%s gets the same kind of answer as from vLLM",
    async (_, recording) => {
      const response = await answerTo(recording);
      expect(await seenIn(response, recording)).toEqual(recordedIn(recording));
      const hasFlags = recording.name.startsWith("flags-");
      expect(response.headers.has("x-request-id")).toBe(hasFlags);
    },
  );

  test.each(named(DIFFERENT).map((recording) => [recording.name, recording] as const))(
    "%s deliberately gets a different answer",
    async (_, recording) => {
      const response = await answerTo(recording);
      const seen = await seenIn(response, recording).catch(() => null);
      expect(seen).not.toEqual(recordedIn(recording));
    },
  );
});
