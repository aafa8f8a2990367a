// /v1/messages with the fake model: bodies, streams, errors, and keys, as Anthropic's clients expect.

import { describe, expect, test } from "bun:test";
import { OverloadError } from "../../src/errors.ts";
import { makeApp } from "../support/fake-engine.ts";
import { holdSteps, releasedAfter } from "../support/held-steps.ts";
import { until } from "../support/waiting.ts";

const PATH = "/v1/messages";
const user = (content: unknown = "hi") => ({ role: "user", content });
const body = (extra: object = {}) => ({ max_tokens: 4, messages: [user()], ...extra });

interface Message {
  readonly content: readonly { readonly text: string }[];
  readonly usage: Readonly<Record<string, number>>;
}

async function namesOf(response: Response): Promise<string[]> {
  const text = await response.text();
  return [...text.matchAll(/^event: (.*)$/gm)].map(([, name]) => name ?? "");
}

describe("a message", () => {
  test("has the same members as Anthropic's and repeats the request's model name", async () => {
    const { post } = makeApp();
    const response = await post(`${PATH}?beta=true`, body({ model: "claude-opus-4-6" }));
    expect([response.status, await response.json()]).toEqual([
      200,
      {
        id: expect.stringMatching(/^msg_[0-9a-f]{16}$/),
        type: "message",
        role: "assistant",
        content: [{ type: "text", text: expect.stringMatching(/^[a-z ]{4}$/) }],
        model: "claude-opus-4-6",
        stop_reason: "max_tokens",
        stop_sequence: null,
        usage: {
          input_tokens: 21,
          cache_creation_input_tokens: 0,
          cache_read_input_tokens: 0,
          output_tokens: 4,
          output_tokens_details: null,
        },
      },
    ]);
  });

  test("names the served model if the request names none", async () => {
    const { post } = makeApp();
    expect(await (await post(PATH, body())).json()).toMatchObject({ model: "tiny" });
  });

  test("is streamed as events in order", async () => {
    const { post } = makeApp({ model: { stepDelayMs: 1 } });
    const response = await post(PATH, body({ stream: true }));
    expect(response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
    expect(await namesOf(response)).toEqual([
      ...["message_start", "content_block_start", "content_block_delta", "content_block_delta"],
      ...["content_block_delta", "content_block_delta", "content_block_stop", "message_delta"],
      "message_stop",
    ]);
  });

  test("reports cached tokens separately from other tokens", async () => {
    const { post } = makeApp();
    const long = body({ messages: [user("x".repeat(100))] });
    await post(PATH, long);
    const { usage } = (await (await post(PATH, long)).json()) as Message;
    expect(usage).toMatchObject({ cache_read_input_tokens: 112, input_tokens: 119 - 112 });
  });

  test("reports the number of thinking tokens", async () => {
    const answer = "<think>abcd</think>Hello";
    const { post } = makeApp({
      ...{ model: { answer }, chatFormat: { toolParser: null, reasoningParser: "qwen3" } },
    });
    const response = await post(PATH, body({ thinking: { type: "adaptive" }, max_tokens: 90 }));
    expect(await response.json()).toMatchObject({
      content: [{ type: "thinking" }, { type: "text", text: "Hello" }],
      // All tokens of the end marker except the last one count as thinking.
      usage: { output_tokens_details: { thinking_tokens: 11 } },
    });
  });

  test("ends at a stop sequence and reports which one", async () => {
    const { post } = makeApp({ model: { alphabet: "a" } });
    const answer = await (await post(PATH, body({ stop_sequences: ["aa"], max_tokens: 9 }))).json();
    expect(answer).toMatchObject({ stop_reason: "stop_sequence", stop_sequence: "aa" });
  });

  test("can have a token limit above the context length, as agents request", async () => {
    const { post } = makeApp({ scheduler: { maxModelLen: 64 } });
    const response = await post(PATH, body({ max_tokens: 32_000 }));
    expect(await response.json()).toMatchObject({
      stop_reason: "model_context_window_exceeded",
      usage: { output_tokens: 64 - 21 },
    });
  });

  test("leaves the block that changes with each request out of the prompt", async () => {
    const { post } = makeApp();
    const counts = await Promise.all(
      ["1f2e", "9ab3"].map(async (hash) => {
        const billing = { type: "text", text: `x-anthropic-billing-header: cch=${hash};` };
        const system = [billing, { type: "text", text: "You are an agent. ".repeat(20) }];
        return (await (await post(PATH, body({ system }))).json()) as Message;
      }),
    );
    const [, second] = counts.map(({ usage }) => usage);
    const cached = second?.["cache_read_input_tokens"] ?? 0;
    expect(cached / (cached + (second?.["input_tokens"] ?? 0))).toBeGreaterThan(0.9);
  });

  test("accepts fields that Anthropic's clients send", async () => {
    const { post } = makeApp();
    const cache_control = { type: "ephemeral" };
    const response = await post(
      PATH,
      body({
        model: "claude-haiku-4-5",
        system: [{ type: "text", text: "s", cache_control }],
        messages: [user([{ type: "text", text: "hi", cache_control }])],
        metadata: { user_id: "user_1" },
        context_management: { edits: [{ type: "clear_thinking_20251015", keep: "all" }] },
        thinking: { type: "adaptive" },
        output_config: { effort: "medium" },
        service_tier: "auto",
      }),
      { "anthropic-version": "2023-06-01", "anthropic-beta": "context-management-2025-06-27" },
    );
    expect(response.status).toBe(200);
  });
});

describe("a silent stream", () => {
  test("is kept alive by pings, even before the first event", async () => {
    const { post, runner } = makeApp({}, { keepAliveMs: 5 });
    const prefill = holdSteps(runner);
    const response = await post(PATH, body({ stream: true, max_tokens: 1 }));
    const names = await namesOf(releasedAfter(response, "ping", 2, prefill));
    expect(names.slice(0, 2)).toEqual(["ping", "ping"]);
    expect(names.filter((name) => name !== "ping")).toEqual([
      ...["message_start", "content_block_start", "content_block_delta", "content_block_stop"],
      ...["message_delta", "message_stop"],
    ]);
  });
});

describe("a reader that disconnects", () => {
  test("ends the generation", async () => {
    const { post, engine } = makeApp({ model: { stepTurns: 3 } });
    const reader = (await post(PATH, body({ stream: true, max_tokens: 900 }))).body?.getReader();
    await reader?.read();
    await reader?.cancel();
    await until(() => engine.numLiveSequences === 0);
  });
});

describe("count_tokens", () => {
  test("counts the same prompt tokens as a message", async () => {
    const { post } = makeApp();
    const { max_tokens: _, ...counted } = body({ system: "s" });
    const response = await post(`${PATH}/count_tokens?beta=true`, counted);
    expect([response.status, await response.json()]).toEqual([200, { input_tokens: 31 }]);
    const { usage } = (await (await post(PATH, body({ system: "s" }))).json()) as Message;
    expect(usage["input_tokens"]).toBe(31);
  });

  test("counts a prompt that exceeds the context length", async () => {
    const { post } = makeApp({ scheduler: { maxModelLen: 64 } });
    const response = await post(`${PATH}/count_tokens`, { messages: [user("x".repeat(1000))] });
    expect(await response.json()).toEqual({ input_tokens: 1019 });
  });

  test.each([PATH, `${PATH}/count_tokens`])(
    "and %s refuse a forced call without tools",
    async (path) => {
      const { post } = makeApp();
      const response = await post(path, body({ tool_choice: { type: "any" } }));
      expect([response.status, await response.json()]).toEqual([
        400,
        expect.objectContaining({
          error: {
            type: "invalid_request_error",
            message: "When using `tool_choice`, `tools` must be set.",
          },
        }),
      ]);
    },
  );
});

describe("an error", () => {
  const refused = async (response: Response) => {
    expect(response.headers.get("content-type")).toBe("application/json");
    return [response.status, await response.json()];
  };
  const error = (type: string, message: unknown) => ({ type: "error", error: { type, message } });

  test.each([true, false])(
    "for an overlong prompt has the text that clients look for (stream: %p)",
    async (stream) => {
      const { post } = makeApp();
      const response = await post(PATH, body({ messages: [user("x".repeat(2000))], stream }));
      const message = "prompt is too long: 2019 tokens > 1024 maximum";
      expect(await refused(response)).toEqual([400, error("invalid_request_error", message)]);
      const huge = await post(PATH, body({ messages: [user("x".repeat(100_000))] }));
      expect(await refused(huge)).toEqual([
        400,
        error(
          "invalid_request_error",
          expect.stringMatching(/^prompt is too long: \d+ tokens > 1024 maximum$/),
        ),
      ]);
    },
  );

  test("has the format of Anthropic's errors", async () => {
    const { post } = makeApp();
    expect(await refused(await post(PATH, { messages: [user()] }))).toEqual([
      400,
      error(
        "invalid_request_error",
        expect.stringContaining("'max_tokens'), 'msg': 'Field required'"),
      ),
    ]);
    expect(await refused(await post(PATH, body({ model: "other" })))).toEqual([
      404,
      error("not_found_error", "The model `other` does not exist."),
    ]);
    expect(await refused(await post(PATH, "{"))).toEqual([
      400,
      error("invalid_request_error", expect.stringContaining("JSON decode error")),
    ]);
    const image = { type: "image", source: { type: "url", url: "x" } };
    expect(await refused(await post(PATH, body({ messages: [user([image])] })))).toEqual([
      400,
      error("invalid_request_error", expect.stringContaining("not a multimodal model")),
    ]);
  });

  test.each([
    ["a required tool without tools", { tool_choice: { type: "any" } }, "`tools` must be set."],
    [
      "a named tool that does not exist",
      { tools: [{ name: "f", input_schema: {} }], tool_choice: { type: "tool", name: "g" } },
      "does not match any of the specified `tools`",
    ],
    [
      "a required tool that Anthropic runs",
      {
        tools: [{ type: "web_search_20250305", name: "web_search" }],
        tool_choice: { type: "any" },
      },
      "`tools` must be set.",
    ],
    [
      "an unknown role",
      { messages: [{ role: "robot", content: "hi" }] },
      "'user', 'assistant' or 'system'",
    ],
    [
      "a format without its schema",
      { output_config: { format: { type: "json_schema", schema: { type: "nothing" } } } },
      "`output_config.format` cannot be enforced",
    ],
    [
      "a format under the name that earlier clients use",
      { output_format: { type: "json_schema" } },
      "'json_schema' must have a 'schema'.",
    ],
    ["a format of an unknown type", { output_format: { type: "xml" } }, "'output_format', 'type'"],
    [
      "messages without content",
      { messages: [user("")] },
      "At least one message must have content",
    ],
  ])("says what is wrong: %s", async (_, fields, text) => {
    const { post } = makeApp();
    expect(await refused(await post(PATH, body(fields)))).toEqual([
      400,
      error("invalid_request_error", expect.stringContaining(text)),
    ]);
  });

  test("for a method that the route does not allow has the API's format", async () => {
    const { app } = makeApp();
    const get = (path: string) => app.handle(new Request(`http://localhost${path}`));
    const method = await get(PATH);
    expect(method.headers.get("allow")).toBe("POST");
    expect(await refused(method)).toEqual([
      405,
      error("invalid_request_error", "Method Not Allowed"),
    ]);
  });

  test("for a path that does not exist suggests the right one", async () => {
    const { post } = makeApp();
    const message = expect.stringContaining("the server batches them");
    expect(await refused(await post(`${PATH}/batches`, {}))).toEqual([
      404,
      error("not_found_error", message),
    ]);
  });

  test("for a full queue says when to retry", async () => {
    const { post, engine } = makeApp();
    engine.reserve = () => {
      throw new OverloadError("queue_full", "no room", 3);
    };
    const response = await post(PATH, body());
    expect(response.headers.get("retry-after")).toBe("3");
    expect(await refused(response)).toEqual([503, error("overloaded_error", "no room")]);
  });

  test("of an unexpected kind is logged but not shown", async () => {
    const logged: unknown[] = [];
    const { post, engine } = makeApp({}, { logFault: (fault) => logged.push(fault) });
    const fault = new Error("a secret");
    engine.calls.encodeChat = () => Promise.reject(fault);
    const response = await post(`${PATH}/count_tokens`, { messages: [user()] });
    expect(await refused(response)).toEqual([500, error("api_error", "Internal server error")]);
    expect(logged).toEqual([fault]);
  });
});

describe("an API key", () => {
  test("is reported as missing in the API's error format", async () => {
    const { post } = makeApp({}, { apiKeys: ["secret"] });
    const response = await post(PATH, body());
    expect([response.status, await response.json()]).toEqual([
      401,
      { type: "error", error: { type: "authentication_error", message: "Unauthorized" } },
    ]);
  });

  const cases: [Record<string, string>, number][] = [
    [{}, 401],
    [{ "x-api-key": "secret" }, 200],
    [{ authorization: "Bearer secret" }, 200],
    [{ authorization: "Bearer oauth-token", "x-api-key": "secret" }, 200],
    [{ authorization: "Bearer secret", "x-api-key": "other" }, 200],
    [{ "x-api-key": "other" }, 401],
    [{ "x-api-key": "" }, 401],
  ];
  test.each(cases)("is read from either header: %j", async (headers, status) => {
    const { post } = makeApp({}, { apiKeys: ["secret"] });
    expect((await post(PATH, body(), headers)).status).toBe(status);
  });
});
