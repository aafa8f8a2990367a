// Tool calls and reasoning in /v1/chat/completions, with a fake model that generates a given text.

import { describe, expect, spyOn, test } from "bun:test";
import { makeApp, readEvents } from "../support/fake-engine.ts";

const CHAT = "/v1/chat/completions";
const tool = (name: string) => ({
  type: "function",
  function: { name, parameters: { type: "object", properties: { city: { type: "string" } } } },
});
const BODY = { messages: [{ role: "user", content: "Hi" }], temperature: 0, tools: [tool("f")] };
const CALL = '<tool_call>\n{"name": "f", "arguments": {"city": "Rome"}}\n</tool_call>';
const ID = expect.stringMatching(/^chatcmpl-tool-[0-9a-f]{16}$/);
const CALLED = { name: "f", arguments: '{"city": "Rome"}' };

function appThatAnswers(answer: string, maxModelLen = 1024) {
  return makeApp({
    model: { answer },
    scheduler: { maxModelLen },
    chatFormat: { toolParser: "hermes", reasoningParser: "qwen3" },
  });
}

async function choiceOf(answer: string, fields: object = {}) {
  const { post } = appThatAnswers(answer);
  const response = await post(CHAT, { ...BODY, ...fields });
  const body = (await response.json()) as { choices: [Record<string, never>] };
  return body.choices[0];
}

interface Rendered {
  readonly messages: readonly {
    readonly tool_calls: readonly [{ readonly function: { readonly arguments: string } }];
  }[];
}

interface Chunk {
  readonly choices: readonly [{ readonly delta: Delta; readonly finish_reason: unknown }];
}

interface Delta {
  readonly content?: string;
  readonly reasoning?: string;
  readonly reasoning_content?: string | null;
  readonly tool_calls?: readonly CallDelta[];
}

interface CallDelta {
  readonly index: number;
  readonly id?: string;
  readonly function: { readonly arguments: string };
}

/** The stream's last finish reason and its deltas, except the first, which has the role. */
async function streamOf(answer: string, fields: object = {}) {
  const { post } = appThatAnswers(answer);
  const events = await readEvents(await post(CHAT, { ...BODY, stream: true, ...fields }));
  expect(events.at(-1)).toBe("[DONE]");
  const choices = (events.slice(1, -1) as Chunk[]).map(({ choices: [choice] }) => choice);
  return { deltas: choices.map(({ delta }) => delta), finishReason: choices.at(-1)?.finish_reason };
}

describe("a message with a tool call", () => {
  test("has the call, no content, and finish reason tool_calls", async () => {
    expect(await choiceOf(CALL)).toMatchObject({
      message: { content: null, tool_calls: [{ id: ID, type: "function", function: CALLED }] },
      finish_reason: "tool_calls",
      stop_reason: null,
    } as never);
  });

  test("has the text before the call as content, and the reasoning", async () => {
    const choice = await choiceOf(`<think>\nHm.\n</think>\n\nLet me see.\n${CALL}`);
    expect(choice).toMatchObject({
      message: { content: "Let me see.", reasoning: "Hm.", reasoning_content: "Hm." },
      finish_reason: "tool_calls",
    } as never);
  });

  test("can have several calls with different IDs", async () => {
    const { message } = (await choiceOf(`${CALL}\n${CALL}`)) as never as {
      message: { tool_calls: { id: string }[] };
    };
    expect(message.tool_calls).toMatchObject([{ function: CALLED }, { function: CALLED }]);
    expect(message.tool_calls[0]?.id).not.toBe(message.tool_calls[1]?.id);
  });

  test("ends after the first call if parallel_tool_calls is false", async () => {
    const choice = await choiceOf(`${CALL}\n${CALL}`, { parallel_tool_calls: false });
    expect(choice).toMatchObject({
      message: { tool_calls: [{ function: CALLED }] },
      finish_reason: "tool_calls",
      stop_reason: null,
    } as never);
  });

  test("that is cut off by max_tokens is content, with finish reason length", async () => {
    const choice = await choiceOf(CALL, { max_tokens: 40 });
    expect(choice).toMatchObject({
      message: { content: CALL.slice(0, 40), tool_calls: [] },
      finish_reason: "length",
    } as never);
  });

  test("can call an allowed tool", async () => {
    const allowed_tools = { mode: "required", tools: [tool("f")] };
    const tool_choice = { type: "allowed_tools", allowed_tools };
    const choice = await choiceOf(CALL, { tools: [tool("g"), tool("f")], tool_choice });
    expect(choice).toMatchObject({ message: { tool_calls: [{ function: CALLED }] } } as never);
  });

  const historic: [unknown, string][] = [
    ['{"a": "b', '{"arguments":"{\\"a\\": \\"b"}'],
    ["5", '{"arguments":"5"}'],
    ['"x"', '{"arguments":"\\"x\\""}'],
    ["[1]", '{"arguments":"[1]"}'],
    [[1], '{"arguments":"[1]"}'],
    ["[]", "{}"],
    [[], "{}"],
    ["null", "{}"],
    [" ", "{}"],
    ["", "{}"],
    ['{"a": 1.0}', '{"a": 1.0}'],
  ];
  test.each(historic)(
    "in the history with the arguments %j is shown with %s",
    async (given, shown) => {
      const { post, runner } = appThatAnswers("Hi");
      const encodeChat = spyOn(runner.tokenizer, "encodeChat");
      const called = { id: "1", function: { name: "f", arguments: given } };
      const messages = [...BODY.messages, { role: "assistant", tool_calls: [called] }];
      expect((await post(CHAT, { ...BODY, messages })).status).toBe(200);
      const { messages: sent } = JSON.parse(encodeChat.mock.calls[0]?.[0].json ?? "") as Rendered;
      expect(sent.at(-1)?.tool_calls[0].function.arguments).toBe(shown);
    },
  );

  test("is content with tool_choice none, or without tools", async () => {
    for (const fields of [{ tool_choice: "none" }, { tools: null }, { tools: [] }]) {
      expect(await choiceOf(CALL, fields)).toMatchObject({
        message: { content: CALL, tool_calls: [] },
        finish_reason: "stop",
      } as never);
    }
  });
});

describe("a stream with tool calls", () => {
  test("starts each call with its ID and whole name, then adds arguments", async () => {
    const { deltas, finishReason } = await streamOf(`${CALL}\n${CALL}`);
    const calls = deltas.flatMap((delta) => delta.tool_calls ?? []);
    const heads = calls.filter((call) => "id" in call);
    const head = { id: ID, type: "function", function: { name: "f", arguments: "" } };
    expect(heads).toEqual([0, 1].map((index) => ({ ...head, index })) as never);
    const tails = calls.filter((call) => !("id" in call));
    for (const index of [0, 1]) {
      const own = tails.filter((call) => call.index === index);
      expect(own.map((call) => call.function.arguments).join("")).toBe(CALLED.arguments);
      expect(own.length).toBeGreaterThan(1);
    }
    expect(finishReason).toBe("tool_calls");
  });

  test("has content and reasoning in separate deltas", async () => {
    const { deltas, finishReason } = await streamOf("<think>\nHm.\n</think>\n\nHello");
    const reasoning = deltas.filter((delta) => "reasoning" in delta);
    const joined = (list: readonly Delta[], name: "content" | "reasoning" | "reasoning_content") =>
      list.map((delta) => delta[name]).join("");
    expect(joined(reasoning, "reasoning")).toBe("Hm.");
    expect(joined(reasoning, "reasoning_content")).toBe("Hm.");
    expect(joined(deltas, "content")).toBe("Hello");
    expect(finishReason).toBe("stop");
  });

  test("that is cut off within a call has finish reason length", async () => {
    const { finishReason } = await streamOf(CALL, { max_tokens: 50 });
    expect(finishReason).toBe("length");
  });

  test("has no reasoning if include_reasoning is false", async () => {
    const answer = "<think>Hm.</think>Hello";
    const { deltas } = await streamOf(answer, { include_reasoning: false });
    expect(deltas.some((delta) => "reasoning" in delta)).toBe(false);
    // One event for each character of the content, and one for the end.
    expect(deltas.length).toBeLessThanOrEqual("Hello".length + 1);
    const choice = await choiceOf(answer, { include_reasoning: false });
    expect(choice).toMatchObject({ message: { content: "Hello", reasoning: null } } as never);
  });
});

describe("call IDs", () => {
  const history = [
    { role: "user", content: "Hi" },
    { role: "assistant", tool_calls: [{ id: "a", function: { name: "g", arguments: "{}" } }] },
    { role: "tool", tool_call_id: "a", content: "x" },
  ];
  const kimi =
    '<|tool_call_begin|>functions.f:1<|tool_call_argument_begin|>{"city": "Rome"}<|tool_call_end|>';

  test.each([
    ["kimi_k2", kimi, /^functions\.f:1$/],
    ["mistral", '[TOOL_CALLS]f{"city": "Rome"}', /^[0-9a-f]{9}$/],
  ] as const)("have the format that %s expects", async (toolParser, answer, id) => {
    const { post } = makeApp({
      ...{ model: { answer }, chatFormat: { toolParser, reasoningParser: null } },
    });
    const response = await post(CHAT, { ...BODY, messages: history });
    const body = (await response.json()) as { choices: object[] };
    const call = { id: expect.stringMatching(id), function: CALLED };
    expect(body.choices[0]).toMatchObject({ message: { tool_calls: [call] } } as never);
  });
});

test.each([
  ["none", BODY.tools, "all\nHello", "Hello"],
  ["none", BODY.tools, 'f\n{"city": "Rome"}', 'f\n{"city": "Rome"}'],
  ["auto", null, "all\nHello", "Hello"],
] as const)(
  "tool_choice %s with tools %j leaves %j as content %j",
  async (tool_choice, tools, answer, content) => {
    const chatFormat = { toolParser: "functionary_v32", reasoningParser: null } as const;
    const { post } = makeApp({ model: { answer }, chatFormat });
    const response = await post(CHAT, { ...BODY, tools, ...(tools && { tool_choice }) });
    const body = (await response.json()) as { choices: object[] };
    expect(body.choices[0]).toMatchObject({ message: { content }, finish_reason: "stop" } as never);
  },
);

describe("usage", () => {
  const answer = "<think>abcd</think>Hello";

  test("counts reasoning tokens", async () => {
    const { post } = appThatAnswers(answer);
    const body = (await (await post(CHAT, BODY)).json()) as { usage: object };
    // All tokens of the end marker except the last one count as reasoning.
    const details = { completion_tokens_details: { reasoning_tokens: 11 } };
    expect(body.usage).toMatchObject(details);
    const events = await readEvents(
      await post(CHAT, { ...BODY, stream: true, stream_options: { include_usage: true } }),
    );
    expect(events.at(-2)).toMatchObject({ choices: [], usage: details });
  });
});

describe("thinking_token_budget", () => {
  const thoughts = "<think>abcdefghij</think>Hello";

  test("ends the reasoning after that many tokens and lets the output continue", async () => {
    const choice = await choiceOf(thoughts, { thinking_token_budget: 4, logprobs: true });
    // The fake model continues its text as if it had written the end itself.
    expect(choice).toMatchObject({
      message: { reasoning: "abcd" },
      finish_reason: "stop",
    } as never);
  });

  test("does not affect reasoning that is shorter or has no limit", async () => {
    for (const budget of [50, -1, null]) {
      const choice = await choiceOf(thoughts, { thinking_token_budget: budget });
      expect(choice).toMatchObject({
        message: { reasoning: "abcdefghij", content: "Hello" },
      } as never);
    }
  });

  test("counts toward max_tokens", async () => {
    const choice = await choiceOf(thoughts, { thinking_token_budget: 4, max_tokens: 15 });
    expect(choice).toMatchObject({
      message: { reasoning: "abcd\n</t" },
      finish_reason: "length",
    } as never);
  });

  test("is at least -1", async () => {
    const { post } = appThatAnswers("Hello");
    const response = await post(CHAT, { ...BODY, thinking_token_budget: -2 });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { param: "thinking_token_budget" } });
  });
});

describe("stop strings", () => {
  test("end content, but not reasoning or calls", async () => {
    const answer = `<think>ab</think>x${CALL}ab`;
    expect(await choiceOf(answer, { stop: ["b", "Rome"] })).toMatchObject({
      message: { content: "xa", reasoning: "ab", tool_calls: [{ function: CALLED }] },
      stop_reason: "b",
    } as never);
  });
});

describe("tools", () => {
  const { post } = appThatAnswers("Hello");
  const refused = async (fields: object) => {
    const response = await post(CHAT, { ...BODY, ...fields });
    expect(response.status).toBe(400);
    return ((await response.json()) as { error: object }).error;
  };

  test("must have unique names", async () => {
    const unnamed = { type: "function", function: { parameters: {} } };
    expect(await refused({ tools: [unnamed] })).toMatchObject({
      message: expect.stringContaining("('body', 'tools', 0, 'function', 'name')"),
      type: "Bad Request",
    } as never);
    const message = "Two tools are named 'f'.";
    expect(await refused({ tools: [tool("f"), tool("f")] })).toMatchObject({
      ...{ message, param: "tools" },
    });
    const called = { name: "f", input_schema: { type: "object" } };
    const answers = [
      await post("/v1/messages", { ...BODY, max_tokens: 1, tools: [called, called] }),
      await post("/v1/responses", {
        input: "x",
        tools: Array(2).fill({ type: "function", name: "f" }),
      }),
    ];
    for (const answered of answers) {
      expect([answered.status, await answered.json()]).toMatchObject([400, { error: { message } }]);
    }
  });

  test("cannot be nested 1,000 levels deep", async () => {
    let schema: object = { type: "string" };
    for (let i = 0; i < 1000; i++) schema = { type: "array", items: schema };
    const deep = { type: "function", function: { name: "f", parameters: schema } };
    const message = expect.stringContaining("nested deeper than 100 levels");
    expect(await refused({ tools: [deep] })).toMatchObject({ message } as never);
  });

  test("can have results without calls", async () => {
    const messages = [{ role: "tool", tool_call_id: "none", content: "x" }];
    expect((await post(CHAT, { ...BODY, messages })).status).toBe(200);
  });

  test("are shown to the model even if tool_choice is none, unless the operator excludes them", async () => {
    for (const excludesUnusedTools of [false, true]) {
      const { post: send, runner } = makeApp({}, { excludesUnusedTools });
      const encodeChat = spyOn(runner.tokenizer, "encodeChat");
      await send(CHAT, { ...BODY, tool_choice: "none", max_tokens: 1 });
      const { tools } = JSON.parse(encodeChat.mock.calls[0]?.[0].json ?? "");
      expect(tools).toEqual(excludesUnusedTools ? null : BODY.tools);
    }
  });

  test.each([
    [true, BODY, 1],
    [true, { ...BODY, tools: null }, 0],
    [false, BODY, 0],
  ])(
    "cause a warning if the template never shows any (never: %p)",
    async (templateIgnoresTools, body, numWarnings) => {
      const warnings: string[] = [];
      const { post: send } = makeApp(
        { templateIgnoresTools },
        { warn: (text) => warnings.push(text) },
      );
      await send(CHAT, { ...body, max_tokens: 1 });
      expect(warnings.filter((text) => text.includes("chat template")).length).toBe(numWarnings);
    },
  );

  test("must include the tool that tool_choice names", async () => {
    const choice = { type: "function", function: { name: "g" } };
    expect(await refused({ tool_choice: choice })).toMatchObject({ param: "tool_choice" });
  });

  test("can have only a limited number of members per object", async () => {
    const names = Array.from({ length: 10_000 }, (_, i) => [`p${i}`, { type: "string" }]);
    const parameters = { type: "object", properties: Object.fromEntries(names) };
    const tools = [{ type: "function", function: { name: "f", parameters } }];
    expect(await refused({ tools })).toMatchObject({ param: "tools" });
  });
});

describe("a custom tool", () => {
  const custom = (format?: object) => ({
    type: "custom",
    custom: { name: "f", description: "Edits.", ...(format && { format }) },
  });
  const grammar = (syntax: string, definition: string) => ({
    ...{ type: "grammar", grammar: { syntax, definition } },
  });
  const ANSWER = '<tool_call>\n{"name": "f", "arguments": {"input": "a\\nb"}}\n</tool_call>';
  const fields = { tools: [custom()] };

  test("is called with plain text", async () => {
    expect(await choiceOf(ANSWER, fields)).toMatchObject({
      message: {
        content: null,
        tool_calls: [{ id: ID, type: "custom", custom: { name: "f", input: "a\nb" } }],
      },
      finish_reason: "tool_calls",
    } as never);
  });

  test("is called with plain text in a stream", async () => {
    const { deltas, finishReason } = await streamOf(ANSWER, fields);
    const calls = deltas.flatMap(({ tool_calls }) => tool_calls ?? []) as unknown[];
    expect(calls[0]).toEqual({
      id: ID,
      type: "custom",
      index: 0,
      custom: { name: "f", input: "" },
    });
    const rest = calls.slice(1) as { index: number; custom: { input: string } }[];
    expect(rest.map(({ custom: { input } }) => input).join("")).toBe("a\nb");
    expect(rest.every(({ index }) => index === 0)).toBe(true);
    expect(finishReason).toBe("tool_calls");
  });

  test.each([
    ["named", { type: "custom", custom: { name: "f" } }, "stop"],
    ["required", "required", "tool_calls"],
    [
      "allowed",
      { type: "allowed_tools", allowed_tools: { mode: "required", tools: [custom()] } },
      "tool_calls",
    ],
  ])("can be %s by the tool choice", async (_, choice, reason) => {
    const fields = {
      tools: [custom(grammar("lark", 'start: "x"')), tool("g")],
      tool_choice: choice,
    };
    expect(await choiceOf(ANSWER, fields)).toMatchObject({
      message: { tool_calls: [{ type: "custom" }] },
      finish_reason: reason,
    } as never);
  });

  test("and its calls are shown to the model as a function", async () => {
    const { post, runner } = appThatAnswers("ok");
    const encodeChat = spyOn(runner.tokenizer, "encodeChat");
    const call = { id: "c1", type: "custom", custom: { name: "f", input: 'say "a"\n' } };
    const messages = [
      ...BODY.messages,
      { role: "assistant", content: null, tool_calls: [call] },
      { role: "tool", tool_call_id: "c1", content: "done" },
    ];
    const tools = [custom(grammar("regex", "a+"))];
    expect((await post(CHAT, { ...BODY, messages, tools })).status).toBe(200);
    const json = encodeChat.mock.calls[0]?.[0].json ?? "";
    const rendered = JSON.parse(json) as { messages: object[]; tools: object[] };
    expect(rendered.messages[1]).toMatchObject({
      tool_calls: [
        {
          ...{ id: "c1", type: "function" },
          function: { name: "f", arguments: JSON.stringify({ input: 'say "a"\n' }) },
        },
      ],
    });
    expect(rendered.tools).toEqual([
      {
        type: "function",
        function: {
          name: "f",
          description: "Edits.\n\nThe input must match this regex grammar:\na+",
          parameters: {
            ...{ type: "object", required: ["input"], additionalProperties: false },
            properties: { input: { type: "string", pattern: "^(?:a+)$" } },
          },
        },
      },
    ]);
  });

  test.each([
    [{ type: "custom" }, "'tools', 0, 'function'), 'msg': 'Field required'"],
    [{ type: "custom", custom: {} }, "'tools', 0, 'custom', 'name'), 'msg': 'Field required'"],
    [custom({ type: "x" }), "Input should be 'text' or 'grammar'"],
    [custom(grammar("ebnf", "a")), "Input should be 'lark' or 'regex'"],
    [custom({ type: "grammar" }), "'format', 'grammar'), 'msg': 'Field required'"],
  ])("that is malformed is refused: %j", async (bad, message) => {
    const { post } = appThatAnswers("ok");
    const response = await post(CHAT, { ...BODY, tools: [bad] });
    expect([response.status, await response.text()]).toEqual([
      400,
      expect.stringContaining(message),
    ]);
  });
});
