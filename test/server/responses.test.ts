// /v1/responses with the fake model: bodies, streams, stored and background responses, and errors.

import { describe, expect, test } from "bun:test";
import { OverloadError } from "../../src/errors.ts";
import type { ServerContext } from "../../src/server/server-context.ts";
import { type FakeEngineOptions, makeApp } from "../support/fake-engine.ts";
import { holdSteps, releasedAfter } from "../support/held-steps.ts";
import { promptsOf } from "../support/rendered-prompts.ts";
import { until } from "../support/waiting.ts";

const PATH = "/v1/responses";

interface Body {
  readonly id: string;
  readonly status: string;
  readonly output: readonly {
    readonly id: string;
    readonly content: readonly { readonly text: string }[];
  }[];
  readonly usage: { readonly input_tokens_details: { readonly cached_tokens: number } };
}

function makeServer(options: FakeEngineOptions = {}, context: Partial<ServerContext> = {}) {
  const parts = makeApp(options, context);
  const call = (method: string, path: string, headers: Record<string, string> = {}) =>
    parts.app.handle(new Request(`http://localhost${path}`, { method, headers }));
  const create = async (body: object, headers = {}) =>
    (await (
      await parts.post(PATH, { input: "hi", max_output_tokens: 4, ...body }, headers)
    ).json()) as Body;
  return { ...parts, call, create };
}

interface Event {
  readonly type: string;
  readonly sequence_number: number;
  readonly response: Body & { readonly error: object };
}

async function eventsOf(response: Response): Promise<Event[]> {
  const text = await response.text();
  return [...text.matchAll(/^data: (.*)$/gm)].map(([, data]) => JSON.parse(data ?? "") as Event);
}

const typesOf = (events: readonly Event[]) =>
  events.map(({ type }) => type.replace("response.", ""));

/** Reads a response until it has ended. */
async function untilEnded(get: () => Promise<Response>): Promise<Body> {
  for (;;) {
    const body = (await (await get()).json()) as Body;
    if (!["queued", "in_progress"].includes(body.status)) return body;
    await Bun.sleep(5); // polls, as clients do
  }
}

describe("a response", () => {
  test("has the same members as vLLM's, and OpenAI's error member", async () => {
    const { create } = makeServer();
    const body = await create({ model: "tiny", temperature: 0 });
    expect(body).toEqual({
      id: expect.stringMatching(/^resp_[0-9a-f]{16}$/),
      created_at: expect.any(Number),
      incomplete_details: { reason: "max_output_tokens" },
      error: null,
      ...{ instructions: null, metadata: null, model: "tiny", object: "response" },
      output: [
        {
          id: expect.stringMatching(/^msg_[0-9a-f]{16}$/),
          content: [
            {
              ...{ annotations: [], type: "output_text", logprobs: null },
              text: expect.stringMatching(/^[a-z ]{4}$/),
            },
          ],
          ...{ role: "assistant", status: "incomplete", type: "message" },
        },
      ],
      ...{ parallel_tool_calls: true, temperature: 0, tool_choice: "auto", tools: [], top_p: 1 },
      ...{ background: false, max_output_tokens: 4, max_tool_calls: null },
      ...{ previous_response_id: null, prompt: null, reasoning: null, service_tier: "auto" },
      ...{ status: "incomplete", text: null, top_logprobs: null, truncation: "disabled" },
      usage: expect.any(Object),
      ...{ user: null, input_messages: null, output_messages: null },
    } as never);
  });

  test("is streamed as events until it ends", async () => {
    const { post } = makeServer({ model: { stepDelayMs: 1, alphabet: "\n" } });
    const response = await post(PATH, { input: "hi", max_output_tokens: 2, stream: true });
    expect(response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
    const events = await eventsOf(response);
    expect(typesOf(events)).toEqual([
      ...["created", "in_progress", "output_item.added", "content_part.added"],
      ...["output_text.delta", "output_text.delta", "output_text.done", "content_part.done"],
      ...["output_item.done", "incomplete"],
    ]);
    expect(events.map(({ sequence_number: number }) => number)).toEqual([...events.keys()]);
  });

  test("can include every kind of data that OpenAI defines and no other", async () => {
    const kinds = [
      ...["code_interpreter_call.outputs", "computer_call_output.output.image_url"],
      ...["file_search_call.results", "message.input_image.image_url"],
      ...["message.output_text.logprobs", "reasoning.encrypted_content"],
      ...["web_search_call.action.sources", "web_search_call.results"],
    ];
    const { post, create } = makeServer();
    expect(await create({ include: kinds })).toMatchObject({ object: "response" } as never);
    const answer = await post(PATH, { input: "hi", include: [kinds[0], "reasoning"] });
    const listed = kinds.map((kind) => `'${kind}'`);
    const choices = `${listed.slice(0, -1).join(", ")} or ${listed.at(-1)}`;
    expect([answer.status, await answer.json()]).toMatchObject([
      400,
      {
        error: {
          message: `1 validation error:\n  {'type': 'literal_error', 'loc': ('body', 'include', 1), 'msg': "Input should be ${choices}"}`,
          type: "Bad Request",
        },
      },
    ]);
  });

  test("is kept alive by events while a long prompt is processed", async () => {
    const { post, runner } = makeServer({}, { keepAliveMs: 5 });
    const prefill = holdSteps(runner);
    const body = { input: "hi", max_output_tokens: 1, stream: true };
    const response = await post(PATH, body);
    const events = await eventsOf(releasedAfter(response, "response.in_progress", 3, prefill));
    expect(typesOf(events).slice(0, 4)).toEqual([
      ...["created", "in_progress", "in_progress", "in_progress"],
    ]);
    expect(events.map(({ sequence_number: number }) => number)).toEqual([...events.keys()]);
  });

  test("reports cached tokens", async () => {
    const { create } = makeServer();
    const input = "x".repeat(100);
    await create({ input });
    const { usage } = await create({ input });
    expect(usage.input_tokens_details.cached_tokens).toBe(112);
  });

  test("can include the log-probabilities of its text", async () => {
    const { create, post } = makeServer({ model: { stepDelayMs: 1 } });
    const asked = { include: ["message.output_text.logprobs"], top_logprobs: 2 };
    const { output } = await create(asked);
    const entry = expect.objectContaining({
      ...{ token: expect.any(String), logprob: expect.any(Number) },
      top_logprobs: [expect.any(Object), expect.any(Object)],
    });
    expect(output[0]?.content[0]).toMatchObject({ logprobs: [entry, entry, entry, entry] });
    const streamed = { input: "hi", max_output_tokens: 2, stream: true, ...asked };
    const deltas = (await eventsOf(await post(PATH, streamed))).filter(({ type }) =>
      type.endsWith("text.delta"),
    );
    expect(deltas).toMatchObject([{ logprobs: [entry] }, { logprobs: [entry] }]);
  });

  test("is created even for an empty input without a model name, which clients send as a probe", async () => {
    const { create } = makeServer();
    expect((await create({ input: [], max_output_tokens: 1 })).status).toBe("incomplete");
  });

  test("frees its blocks when the reader disconnects", async () => {
    const { post, engine } = makeServer({ model: { stepTurns: 3 } });
    const body = { input: "hi", max_output_tokens: 900, stream: true };
    const reader = (await post(PATH, body)).body?.getReader();
    await reader?.read();
    await reader?.cancel();
    await until(() => engine.numLiveSequences === 0);
  });
});

describe("a stored response", () => {
  test("can be read and deleted, and its input items listed", async () => {
    const { create, call } = makeServer();
    const created = await create({});
    const path = `${PATH}/${created.id}`;
    expect(await (await call("GET", path)).json()).toEqual(created);
    expect(await (await call("GET", `${path}/input_items`)).json()).toMatchObject({
      ...{ object: "list", has_more: false },
      data: [{ role: "user", content: [{ type: "input_text", text: "hi" }] }],
    });
    const deleted = await call("DELETE", path);
    expect(await deleted.json()).toEqual({ id: created.id, object: "response", deleted: true });
    expect((await call("GET", path)).status).toBe(404);
  });

  test("is also stored if it is streamed", async () => {
    const { post, call } = makeServer();
    const events = await eventsOf(
      await post(PATH, { input: "hi", max_output_tokens: 2, stream: true }),
    );
    const last = events.at(-1)?.response;
    expect(await (await call("GET", `${PATH}/${last?.id}`)).json()).toEqual(last);
  });

  test("can be continued by a later one, which includes the conversation but not the instructions", async () => {
    const { create, call, runner } = makeServer();
    const first = await create({ instructions: "be brief", input: "one" });
    const said = first.output[0]?.content[0]?.text;
    const prompts = promptsOf(runner);
    const second = await create({ input: "two", previous_response_id: first.id });
    expect(prompts).toEqual([`user: one\nassistant: ${said}\nuser: two\nassistant: `]);
    const list = await call("GET", `${PATH}/${second.id}/input_items?order=asc`);
    const { data } = (await list.json()) as { data: { role: string }[] };
    expect(data.map(({ role }) => role)).toEqual(["user", "assistant", "user"]);
  });

  test("can be continued without further input, as with OpenAI", async () => {
    const { create, post, runner } = makeServer();
    const { id, output } = await create({ input: "one" });
    const prompts = promptsOf(runner);
    expect((await post(PATH, { previous_response_id: id, max_output_tokens: 1 })).status).toBe(200);
    expect(prompts[0]).toStartWith(`user: one\nassistant: ${output[0]?.content[0]?.text}`);
    expect((await post(PATH, {})).status).toBe(400);
  });

  test("has items that a later request can refer to, as Vercel's AI SDK does", async () => {
    const { create, runner } = makeServer();
    const [item] = (await create({ input: "one" })).output;
    const prompts = promptsOf(runner);
    const reference = { type: "item_reference", id: item?.id };
    const user = (content: string) => ({ role: "user", content });
    await create({ input: [user("one"), reference, user("two")] });
    expect(prompts).toEqual([
      `user: one\nassistant: ${item?.content[0]?.text}\nuser: two\nassistant: `,
    ]);
  });

  test("can be used only with the API key that created it", async () => {
    const { create, call, post } = makeServer({}, { apiKeys: ["a", "b"] });
    const [mine, other] = ["a", "b"].map((key) => ({ authorization: `Bearer ${key}` }));
    const { id, output } = await create({}, mine);
    expect((await call("GET", `${PATH}/${id}`, mine)).status).toBe(200);
    expect((await call("GET", `${PATH}/${id}`, other)).status).toBe(404);
    expect((await call("DELETE", `${PATH}/${id}`, other)).status).toBe(404);
    const reference = { type: "item_reference", id: output[0]?.id };
    for (const body of [{ input: "hi", previous_response_id: id }, { input: [reference] }]) {
      expect((await post(PATH, body, other)).status).toBe(404);
      expect((await post(PATH, body, mine)).status).toBe(200);
    }
  });

  test("is not stored if the client opts out", async () => {
    const { create, call } = makeServer();
    const { id } = await create({ store: false });
    const response = await call("GET", `${PATH}/${id}`);
    expect([response.status, await response.json()]).toEqual([
      404,
      {
        error: {
          message: `Response with id '${id}' not found.`,
          ...{ type: "invalid_request_error", param: null, code: 404 },
        },
      },
    ]);
  });
});

describe("a response in the background", () => {
  const slow = { model: { stepDelayMs: 3 } };
  const background = { background: true };

  test("is returned immediately and can be polled until it has ended", async () => {
    const { create, call } = makeServer(slow);
    const { id, status } = await create(background);
    expect(status).toBe("queued");
    const ended = await untilEnded(() => call("GET", `${PATH}/${id}`));
    expect([ended.status, ended.output[0]?.content[0]?.text]).toEqual([
      ...["incomplete", expect.stringMatching(/^[a-z ]{4}$/)],
    ]);
  });

  test("can be canceled, which also ends its generation", async () => {
    const { create, call, engine } = makeServer(slow);
    const { id } = await create({ ...background, max_output_tokens: 900 });
    const read = async () => (await (await call("GET", `${PATH}/${id}`)).json()) as Body;
    while ((await read()).output.length === 0) await Bun.sleep(1); // polls, as clients do
    const canceled = await call("POST", `${PATH}/${id}/cancel`);
    expect(((await canceled.json()) as Body).status).toBe("cancelled");
    await until(() => engine.numLiveSequences === 0);
    const again = (await (await call("POST", `${PATH}/${id}/cancel`)).json()) as Body;
    expect(again).toMatchObject({ status: "cancelled", output: [{ status: "incomplete" }] });
  });

  test("ends when it is deleted and stays deleted", async () => {
    const { create, call, engine } = makeServer(slow);
    const { id } = await create({ ...background, max_output_tokens: 900 });
    await call("DELETE", `${PATH}/${id}`);
    await until(() => engine.numLiveSequences === 0);
    expect((await call("GET", `${PATH}/${id}`)).status).toBe(404);
  });

  test("continues if its reader disconnects, and can be streamed again from any event", async () => {
    const { post, call } = makeServer(slow);
    const body = { input: "hi", max_output_tokens: 5, stream: true, ...background };
    const reader = (await post(PATH, body)).body?.getReader();
    const { value } = (await reader?.read()) ?? {};
    await reader?.cancel();
    const [, id] = /"id":"(resp_\w+)"/.exec(new TextDecoder().decode(value)) ?? [];
    const all = await eventsOf(await call("GET", `${PATH}/${id}?stream=true`));
    expect([all[0]?.type, all.at(-1)?.type]).toEqual(["response.created", "response.incomplete"]);
    const rest = await eventsOf(await call("GET", `${PATH}/${id}?stream=true&starting_after=3`));
    expect(rest).toEqual(all.slice(4));
    const last = all.length - 1;
    expect(
      await eventsOf(await call("GET", `${PATH}/${id}?stream=true&starting_after=${last}`)),
    ).toEqual([]);
    for (const query of [
      `stream=true&starting_after=${all.length}`,
      "stream=true&starting_after=",
      "stream=maybe",
    ])
      expect((await call("GET", `${PATH}/${id}?${query}`)).status).toBe(400);
  });
});

describe("an error", () => {
  const errorOf = async (response: Response) => [
    response.status,
    ((await response.json()) as { error: object }).error,
  ];
  const bad = (message: unknown, param: string | null = null) => ({
    ...{ message, type: "BadRequestError", param, code: 400 },
  });

  test("for a prompt that is too long is a failed response in a stream, and an error response otherwise", async () => {
    const { post } = makeServer();
    const message =
      "This model's maximum context length is 1024 tokens. However, your request has 2019 input tokens. " +
      "Please reduce the length of the input messages.";
    const long = { input: "x".repeat(2000) };
    expect(await errorOf(await post(PATH, long))).toEqual([400, bad(message)]);
    const events = await eventsOf(await post(PATH, { ...long, stream: true }));
    expect(typesOf(events)).toEqual(["created", "in_progress", "failed"]);
    expect(events[2]?.response.error).toEqual({ code: "context_length_exceeded", message });
  });

  test("for a prompt that is too long is avoided by truncation, which keeps whole turns, starting with a user message", async () => {
    const { post } = makeServer();
    const turn = (text: string) => [
      { role: "user", content: text.repeat(300) },
      { role: "assistant", content: text.repeat(300) },
    ];
    const rules = { role: "developer", content: "rules" };
    const input = [rules, ...turn("a"), ...turn("b"), { role: "user", content: "go" }];
    const body = { input, max_output_tokens: 2, truncation: "auto" };
    const response = (await (await post(PATH, body)).json()) as { usage: { input_tokens: number } };
    const kept = `system: rules\nuser: ${"b".repeat(300)}\nassistant: ${"b".repeat(300)}\nuser: go\nassistant: `;
    expect(response.usage.input_tokens).toBe(1 + kept.length);
    const roomy = await post(PATH, { ...body, max_output_tokens: 400 });
    const { usage } = (await roomy.json()) as typeof response;
    expect(usage.input_tokens).toBe(1 + "system: rules\nuser: go\nassistant: ".length);
    const hopeless = { ...body, input: "x".repeat(2000) };
    expect((await post(PATH, hopeless)).status).toBe(400);
  });

  test("for a full queue has the code that clients recognize", async () => {
    const { post, engine } = makeServer();
    engine.reserve = () => {
      throw new OverloadError("queue_full", "no room", 3);
    };
    const [status, error] = await errorOf(await post(PATH, { input: "hi" }));
    expect([status, error]).toEqual([
      503,
      {
        ...{ message: "no room", type: "ServiceUnavailableError", param: null },
        code: "server_is_overloaded",
      },
    ]);
  });

  test("says what is wrong with the body", async () => {
    const { post } = makeServer();
    expect(await errorOf(await post(PATH, { model: "tiny" }))).toEqual([
      400,
      {
        message:
          "1 validation error:\n  {'type': 'missing', 'loc': ('body', 'input'), 'msg': 'Field required'}",
        ...{ type: "Bad Request", param: null, code: 400 },
      },
    ]);
  });

  test.each([
    [
      "a tool in the format of another route",
      { tools: [{ type: "function", function: { name: "f" } }] },
      "('body', 'tools', 0, 'name'), 'msg': 'Field required'",
    ],
    [
      "an unknown role",
      { input: [{ role: "robot", content: "hi" }] },
      "('body', 'input', 0, 'role'), 'msg': \"Input should be 'user', 'assistant', 'system' or 'developer'\"",
    ],
    ["a required tool without tools", { tool_choice: "required" }, "`tools` must be set."],
    [
      "a required tool that the server does not run",
      { tools: [{ type: "web_search" }], tool_choice: "required" },
      "`tools` must be set.",
    ],
    [
      "an allowed tool that does not exist",
      {
        tools: [{ type: "function", name: "f" }],
        tool_choice: {
          type: "allowed_tools",
          mode: "auto",
          tools: [{ type: "custom", name: "g" }],
        },
      },
      '`tools` has no tool named "g".',
    ],
    ["a limit of 0", { max_output_tokens: 0 }, "max_output_tokens must be at least 1, got 0."],
    ["a format that does not exist", { text: { format: { type: "xml" } } }, "text.format"],
    [
      "a part of an unknown type",
      { input: [{ role: "user", content: [{ type: "x" }] }] },
      "Unknown part type: x",
    ],
  ])("names the field as this route spells it: %s", async (_, fields, text) => {
    const { post } = makeServer();
    const [status, error] = await errorOf(await post(PATH, { input: "hi", ...fields }));
    expect([status, (error as Error).message]).toEqual([400, expect.stringContaining(text)]);
  });

  test("is returned for a reference to an item that is not stored", async () => {
    const { create, post } = makeServer();
    const [item] = (await create({ store: false })).output;
    const response = await post(PATH, { input: [{ type: "item_reference", id: item?.id }] });
    const message = expect.stringContaining(`Item with id '${item?.id}' not found.`);
    expect(await errorOf(response)).toEqual([
      404,
      { ...{ message, type: "invalid_request_error" }, ...{ param: "input", code: 404 } },
    ]);
  });

  test("is returned for a response that continues one that has not ended", async () => {
    const { create, post } = makeServer({ model: { stepDelayMs: 2 } });
    const { id } = await create({ background: true, max_output_tokens: 900 });
    const response = await post(PATH, { input: "x", previous_response_id: id });
    const message = `The response "${id}" has not ended; wait until its status is "completed".`;
    expect(await errorOf(response)).toEqual([400, bad(message, "previous_response_id")]);
  });

  test("is returned for operations that a response does not support", async () => {
    const { create, call, post } = makeServer();
    const { id } = await create({});
    expect(await errorOf(await call("POST", `${PATH}/${id}/cancel`))).toEqual([
      400,
      bad("Cannot cancel a synchronous response.", "response_id"),
    ]);
    expect(await errorOf(await call("GET", `${PATH}/${id}?stream=true`))).toEqual([
      400,
      bad(expect.stringContaining("can be streamed again"), "stream"),
    ]);
    expect((await post(PATH, { input: "x", previous_response_id: "resp_none" })).status).toBe(404);
    expect((await call("GET", PATH)).status).toBe(405);
  });
});
