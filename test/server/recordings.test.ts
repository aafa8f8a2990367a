// vLLM 0.13's responses to these requests, recorded from a server with SmolLM2: status, error type, param,
// code, body keys, and event structure. Text and IDs differ because the model is a fake.

import { describe, expect, test } from "bun:test";
import { makeApp, readEvents } from "../support/fake-engine.ts";

const CHAT = "/v1/chat/completions";
const TEXT = "/v1/completions";
const user = (content: unknown) => [{ role: "user", content }];
const chat = (extra: object = {}) => ({
  model: "smollm2",
  messages: user("Say hello."),
  max_tokens: 6,
  temperature: 0,
  ...extra,
});
const text = (extra: object = {}) => ({
  model: "smollm2",
  prompt: "The sky is",
  max_tokens: 6,
  temperature: 0,
  ...extra,
});
const call = { id: "c1", type: "function", function: { name: "f", arguments: '{"city": "Rome"}' } };

// No prefix cache: many requests share a prompt, and vLLM reports cached tokens only with a flag.
const scheduler = { maxModelLen: 2048, enablePrefixCaching: false };
const { app, post } = makeApp({ scheduler }, { servedModelNames: ["smollm2"] });

interface ErrorBody {
  readonly error: Readonly<Record<string, unknown>>;
}

type Refusal = [name: string, path: string, body: unknown, type: string, text: string];

const REFUSALS: Refusal[] = [
  ["chat-bad-empty-messages", CHAT, chat({ messages: [] }), "BadRequestError", ""],
  [
    "chat-bad-image",
    CHAT,
    chat({ messages: user([{ type: "image_url", image_url: { url: "data:," } }]) }),
    "BadRequestError",
    "is not a multimodal model",
  ],
  ["chat-bad-json", CHAT, '{"model": "smollm2", "messages": [', "Bad Request", "JSON decode error"],
  [
    "chat-bad-messages-type",
    CHAT,
    chat({ messages: "hello" }),
    "Bad Request",
    "{'type': 'list_type', 'loc': ('body', 'messages'), 'msg': 'Input should be a valid list'",
  ],
  [
    "chat-bad-no-messages",
    CHAT,
    { model: "smollm2" },
    "Bad Request",
    "1 validation error:\n  {'type': 'missing', 'loc': ('body', 'messages'), 'msg': 'Field required'",
  ],
  [
    "chat-bad-prompt-logprobs-stream",
    CHAT,
    chat({ stream: true, prompt_logprobs: 1 }),
    "Bad Request",
    "'msg': 'Value error, `prompt_logprobs` are not available when `stream=True`.'",
  ],
  [
    "chat-bad-response-format",
    CHAT,
    chat({ response_format: { type: "xml" } }),
    "Bad Request",
    "'literal_error', 'loc': ('body', 'response_format'",
  ],
  [
    "chat-bad-stream-options-no-stream",
    CHAT,
    chat({ stream_options: { include_usage: true } }),
    "Bad Request",
    "'msg': 'Value error, Stream options can only be defined when `stream=True`.'",
  ],
  [
    "chat-bad-stream-options-type",
    CHAT,
    chat({ stream: true, stream_options: 5 }),
    "Bad Request",
    "{'type': 'model_attributes_type', 'loc': ('body', 'stream_options'), 'msg': 'Input should be a valid dictionary or object to extract fields from'",
  ],
  [
    "chat-bad-too-long-stream",
    CHAT,
    chat({ stream: true, messages: user("word ".repeat(3000)) }),
    "BadRequestError",
    "This model's maximum context length is 2048 tokens. However, your request has 15019 input tokens. Please reduce the length of the input messages.",
  ],
  [
    "chat-bad-tools-type",
    CHAT,
    chat({ tools: [{ type: "function" }] }),
    "Bad Request",
    "{'type': 'missing', 'loc': ('body', 'tools', 0, 'function'), 'msg': 'Field required'",
  ],
  [
    "chat-bad-top-logprobs-21",
    CHAT,
    chat({ logprobs: true, top_logprobs: 21 }),
    "BadRequestError",
    "Requested sample logprobs of 21, which is greater than max allowed: 20",
  ],
  [
    "chat-param-max_tokens-99999",
    CHAT,
    chat({ max_tokens: 99999 }),
    "BadRequestError",
    "'max_tokens' or 'max_completion_tokens' is too large: 99999. This model's maximum context length is 2048 tokens and your request has 29 input tokens (99999 > 2048 - 29).",
  ],
  [
    "chat-param-min_tokens--1",
    CHAT,
    chat({ min_tokens: -1 }),
    "BadRequestError",
    "min_tokens must be greater than or equal to 0, got -1.",
  ],
  [
    "chat-param-repetition_penalty-0",
    CHAT,
    chat({ repetition_penalty: 0 }),
    "BadRequestError",
    "repetition_penalty must be greater than zero, got 0.0.",
  ],
  [
    "chat-param-seed-x",
    CHAT,
    chat({ seed: "x" }),
    "Bad Request",
    "{'type': 'int_parsing', 'loc': ('body', 'seed'), 'msg': 'Input should be a valid integer, unable to parse string as an integer'",
  ],
  [
    "chat-param-top_k-1.5",
    CHAT,
    chat({ top_k: 1.5 }),
    "Bad Request",
    "{'type': 'int_from_float', 'loc': ('body', 'top_k'), 'msg': 'Input should be a valid integer, got a number with a fractional part'",
  ],
  ["comp-bad-empty-list", TEXT, text({ prompt: [] }), "BadRequestError", "please provide at least"],
  [
    "comp-bad-logprobs-50",
    TEXT,
    text({ logprobs: 50 }),
    "BadRequestError",
    "Requested sample logprobs of 50, which is greater than max allowed: 20",
  ],
  [
    "comp-bad-max-over",
    TEXT,
    text({ max_tokens: 5000 }),
    "BadRequestError",
    "maximum context length",
  ],
  ["comp-bad-mixed-list", TEXT, text({ prompt: ["a", 5] }), "Bad Request", "('body', 'prompt'"],
  [
    "comp-bad-temperature",
    TEXT,
    text({ temperature: -0.5 }),
    "BadRequestError",
    "temperature must be non-negative, got -0.5.",
  ],
  [
    "detokenize-bad-negative",
    "/detokenize",
    { tokens: [-1] },
    "Bad Request",
    "1 validation error:\n  out of range integral type conversion attempted",
  ],
  [
    "detokenize-bad-type",
    "/detokenize",
    { tokens: "abc" },
    "Bad Request",
    "{'type': 'list_type', 'loc': ('body', 'tokens'), 'msg': 'Input should be a valid list'",
  ],
  [
    "tokenize-bad-type",
    "/tokenize",
    { prompt: 5 },
    "Bad Request",
    "Input should be a valid string",
  ],
];

describe("recorded errors", () => {
  test.each(REFUSALS)("%s", async (_, path, body, type, message) => {
    const response = await post(path, body);
    expect(response.headers.get("content-type")).toBe("application/json");
    const { error } = (await response.json()) as ErrorBody;
    expect(error).toEqual({ message: error["message"], type, param: null, code: 400 });
    expect(response.status).toBe(400);
    expect(error["message"]).toContain(message);
  });

  test("chat-bad-unknown-model", async () => {
    const response = await post(CHAT, chat({ model: "nope" }));
    expect([response.status, await response.json()]).toEqual([
      404,
      {
        error: {
          message: "The model `nope` does not exist.",
          type: "NotFoundError",
          param: null,
          code: 404,
        },
      },
    ]);
  });

  test("chat-bad-array-body returns a 400, whereas vLLM fails with a 500", async () => {
    expect((await post(CHAT, "[]")).status).toBe(400);
  });

  test("comp-bad-token-negative returns a 400, whereas vLLM generates from it", async () => {
    expect((await post(TEXT, text({ prompt: [-5] }))).status).toBe(400);
  });
});

const MESSAGE = {
  role: "assistant",
  content: expect.any(String),
  refusal: null,
  annotations: null,
  audio: null,
  function_call: null,
  tool_calls: [],
  reasoning: null,
  reasoning_content: null,
};

const CHAT_CHOICE = {
  index: 0,
  message: MESSAGE,
  logprobs: null,
  finish_reason: "length",
  stop_reason: null,
  token_ids: null,
};

const USAGE = {
  prompt_tokens: expect.any(Number),
  total_tokens: expect.any(Number),
  completion_tokens: expect.any(Number),
  prompt_tokens_details: null,
};

const CHAT_BODY = {
  id: expect.stringMatching(/^chatcmpl-[0-9a-f]{16}$/),
  object: "chat.completion",
  created: expect.any(Number),
  model: "smollm2",
  choices: [CHAT_CHOICE] as object[],
  service_tier: null,
  system_fingerprint: null,
  usage: USAGE,
  prompt_logprobs: null,
  prompt_token_ids: null,
  kv_transfer_params: null,
};

const CHATS: [name: string, body: object, expected?: object][] = [
  ["chat-bad-unknown-role", chat({ messages: [{ role: "robot", content: "x" }] })],
  ["chat-basic", chat()],
  [
    "chat-continue-final",
    chat({
      messages: [...user("Say hello."), { role: "assistant", content: "Hel" }],
      add_generation_prompt: false,
      continue_final_message: true,
    }),
  ],
  [
    "chat-json-schema",
    chat({ response_format: { type: "json_schema", json_schema: { name: "r", schema: {} } } }),
  ],
  ["chat-structured-grammar", chat({ structured_outputs: { grammar: 'root ::= "yes" | "no"' } })],
  ["chat-structured-regex", chat({ structured_outputs: { regex: "[0-9]{3}" } })],
  ["chat-logit-bias", chat({ logit_bias: { "2": -100, "195": 5 } })],
  ["chat-min-tokens", chat({ min_tokens: 5, ignore_eos: true })],
  [
    "chat-n2",
    chat({ n: 2, temperature: 0.7, seed: 3 }),
    { choices: [CHAT_CHOICE, { ...CHAT_CHOICE, index: 1 }] },
  ],
  ["chat-param-max_tokens-null", chat({ max_tokens: null })],
  ["chat-param-seed--1", chat({ seed: -1 })],
  ["chat-param-temperature-3", chat({ temperature: 3 })],
  ["chat-request-id", chat({ request_id: "my-id-1" }), { id: "chatcmpl-my-id-1" }],
  ["chat-template-kwargs", chat({ chat_template_kwargs: { x: 1 } })],
  [
    "chat-text-parts",
    chat({
      messages: user([
        { type: "text", text: "Say" },
        { type: "text", text: "hello." },
      ]),
    }),
  ],
  [
    "chat-tool-role",
    chat({
      messages: [
        ...user("Say hello."),
        { role: "assistant", content: null, tool_calls: [call] },
        { role: "tool", tool_call_id: "c1", content: "sunny" },
      ],
    }),
  ],
];

const TEXT_CHOICE = {
  index: 0,
  text: expect.any(String),
  logprobs: null,
  finish_reason: "length",
  stop_reason: null,
  token_ids: null,
  prompt_logprobs: null,
  prompt_token_ids: null,
};

const TEXT_BODY = {
  id: expect.stringMatching(/^cmpl-[0-9a-f]{16}$/),
  object: "text_completion",
  created: expect.any(Number),
  model: "smollm2",
  choices: [TEXT_CHOICE] as object[],
  service_tier: null,
  system_fingerprint: null,
  usage: USAGE,
  kv_transfer_params: null,
};

const LOGPROBS = {
  text_offset: [0, 1, 2],
  token_logprobs: Array(3).fill(expect.any(Number)),
  tokens: Array(3).fill(expect.any(String)),
  top_logprobs: Array(3).fill(expect.any(Object)),
};

const TEXTS: [name: string, body: object, choices?: object[]][] = [
  ["comp-basic", text()],
  ["comp-json-object", text({ response_format: { type: "json_object" } })],
  ["comp-default-max", text({ max_tokens: undefined, ignore_eos: true })],
  [
    "comp-echo",
    text({ echo: true }),
    [{ ...TEXT_CHOICE, text: expect.stringMatching(/^The sky is/) }],
  ],
  [
    "comp-logprobs-0",
    text({ max_tokens: 3, logprobs: 0 }),
    [{ ...TEXT_CHOICE, logprobs: LOGPROBS }],
  ],
  [
    "comp-logprobs-2",
    text({ max_tokens: 3, logprobs: 2 }),
    [{ ...TEXT_CHOICE, logprobs: LOGPROBS }],
  ],
  [
    "comp-return-token-ids",
    text({ max_tokens: 3, return_token_ids: true, prompt: "Hi" }),
    [
      {
        ...TEXT_CHOICE,
        token_ids: Array(3).fill(expect.any(Number)),
        prompt_token_ids: [256, 72, 105],
      },
    ],
  ],
  [
    "comp-two-prompts",
    text({ prompt: ["The sky is", "One, two,"] }),
    [TEXT_CHOICE, { ...TEXT_CHOICE, index: 1 }],
  ],
];

describe("recorded responses", () => {
  test.each(CHATS)("%s", async (_, body, expected = {}) => {
    const response = await post(CHAT, body);
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(await response.json()).toEqual({ ...CHAT_BODY, ...expected });
  });

  test.each(TEXTS)("%s", async (_, body, choices = [TEXT_CHOICE]) => {
    expect(await (await post(TEXT, body)).json()).toEqual({ ...TEXT_BODY, choices });
  });

  test("chat-x-request-id", async () => {
    const response = await post(CHAT, chat(), { "X-Request-Id": "abc-123" });
    expect(((await response.json()) as { id: string }).id).toBe("chatcmpl-abc-123");
  });

  test("chat-charset-content-type", async () => {
    const headers = { "content-type": "application/json; charset=utf-8" };
    expect((await post(CHAT, chat(), headers)).status).toBe(200);
  });

  test("detokenize-bad-range", async () => {
    const response = await post("/detokenize", { tokens: [999999] });
    expect([response.status, await response.json()]).toEqual([200, { prompt: "" }]);
  });
});

/** App whose fake model delays each step, so every event has a single token, as in the recordings. */
const slow = makeApp({ model: { stepDelayMs: 1 }, scheduler }, { servedModelNames: ["smollm2"] });

async function eventsOf(path: string, body: object) {
  const response = await slow.post(path, { ...body, stream: true });
  expect(response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
  return readEvents(response);
}

describe("recorded streams", () => {
  const chunk = (choices: object[], rest: object = {}) => ({
    id: expect.stringMatching(/^chatcmpl-[0-9a-f]{16}$/),
    object: "chat.completion.chunk",
    created: expect.any(Number),
    model: "smollm2",
    choices,
    ...rest,
  });
  const start = chunk(
    [
      {
        index: 0,
        delta: { role: "assistant", content: "", reasoning_content: null },
        logprobs: null,
        finish_reason: null,
      },
    ],
    { prompt_token_ids: null },
  );
  const delta = {
    index: 0,
    delta: { content: expect.stringMatching(/^.$/), reasoning_content: null },
    logprobs: null,
    finish_reason: null,
    token_ids: null,
  };
  const last = chunk([{ ...delta, finish_reason: "length", stop_reason: null }]);

  test("chat-stream", async () => {
    const events = await eventsOf(CHAT, chat({ max_tokens: 3 }));
    expect(events).toEqual([start, chunk([delta]), chunk([delta]), last, "[DONE]"]);
  });

  test("chat-stream-usage", async () => {
    const stream_options = { include_usage: true };
    const events = await eventsOf(CHAT, chat({ max_tokens: 2, stream_options }));
    const usage = chunk([], {
      usage: { prompt_tokens: 29, total_tokens: 31, completion_tokens: 2 },
    });
    expect(events).toEqual([start, chunk([delta]), last, usage, "[DONE]"]);
  });

  test("chat-stream-echo", async () => {
    const events = await eventsOf(CHAT, chat({ max_tokens: 1, echo: true }));
    expect(events).toEqual([start, last, "[DONE]"]);
  });

  const part = (index: number, finish_reason: string | null, usage: object | null = null) => ({
    id: expect.stringMatching(/^cmpl-[0-9a-f]{16}$/),
    object: "text_completion",
    created: expect.any(Number),
    model: "smollm2",
    choices: [
      {
        index,
        text: expect.stringMatching(/^.$/),
        logprobs: null,
        finish_reason,
        stop_reason: null,
        prompt_token_ids: null,
        token_ids: null,
      },
    ],
    usage,
  });

  test("comp-stream-usage", async () => {
    const stream_options = { include_usage: true };
    const events = await eventsOf(TEXT, text({ max_tokens: 2, stream_options }));
    const usage = { prompt_tokens: 11, total_tokens: 13, completion_tokens: 2 };
    const end = { ...part(0, null), choices: [], usage };
    expect(events).toEqual([part(0, null), part(0, "length"), end, "[DONE]"]);
  });

  test("comp-stream-two-prompts", async () => {
    const events = await eventsOf(TEXT, text({ prompt: ["The sky is", "One"], max_tokens: 2 }));
    expect(events.at(-1)).toBe("[DONE]");
    expect(events.slice(0, 2)).toEqual([part(0, null), part(1, null)]);
    expect(events.slice(2, 4)).toEqual([part(0, "length"), part(1, "length")]);
  });
});

describe("recorded routes", () => {
  const routes: [name: string, method: string, path: string, status: number, body: string][] = [
    ["chat-get", "GET", CHAT, 405, '{"detail":"Method Not Allowed"}'],
    ["health", "GET", "/health", 200, ""],
    ["ping", "GET", "/ping", 200, ""],
    ["sleep", "POST", "/sleep", 404, '{"detail":"Not Found"}'],
    ["tokenizer-info", "GET", "/tokenizer_info", 404, '{"detail":"Not Found"}'],
    ["unknown-route", "GET", "/v1/nothing-here", 404, '{"detail":"Not Found"}'],
    ["version", "GET", "/version", 200, '{"version":"0.13.0"}'],
    ["trailing-slash-models", "GET", "/v1/models/", 307, ""],
  ];
  test.each(routes)("%s", async (_, method, path, status, body) => {
    const response = await app.handle(new Request(`http://localhost${path}`, { method }));
    expect([response.status, await response.text()]).toEqual([status, body]);
  });

  test("models", async () => {
    const response = await app.handle(new Request("http://localhost/v1/models"));
    expect(await response.json()).toEqual({
      object: "list",
      ...{ first_id: "smollm2", last_id: "smollm2", has_more: false, models: [expect.any(Object)] },
      data: [
        {
          ...{ type: "model", display_name: "smollm2", created_at: "2023-11-14T22:13:20.000Z" },
          ...{ context_length: 2048, meta: expect.any(Object), status: { value: "loaded" } },
          architecture: expect.any(Object),
          id: "smollm2",
          object: "model",
          created: 1_700_000_000,
          owned_by: "vllm",
          root: "tiny.gguf",
          parent: null,
          max_model_len: 2048,
          permission: [
            {
              id: expect.stringMatching(/^modelperm-/),
              object: "model_permission",
              created: 1_700_000_000,
              allow_create_engine: false,
              allow_sampling: true,
              allow_logprobs: true,
              allow_search_indices: false,
              allow_view: true,
              allow_fine_tuning: false,
              organization: "*",
              group: null,
              is_blocking: false,
            },
          ],
        },
      ],
    });
  });
});
