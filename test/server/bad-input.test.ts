// Every invalid request gets a 4xx with vLLM's error body, and the next request works.

import { describe, expect, test } from "bun:test";
import { bodyFault } from "../../src/api/schema-faults.ts";
import { DEFAULT_LIMITS } from "../../src/server/server-context.ts";
import { makeApp } from "../support/fake-engine.ts";

const CHAT = "/v1/chat/completions";
const TEXT = "/v1/completions";
const messages = [{ role: "user", content: "hi" }];
const tools = [{ type: "function", function: { name: "f" } }];
/** A seed of 2^64, which only clients in other languages can send. */
const HUGE = '{"prompt":"x","seed":18446744073709551616}';

const MANY_ONES = "1".repeat(1_000_000);

const MANY_MEMBERS = Object.fromEntries(Array.from({ length: 99_000 }, (_, i) => [i, 1]));

/**
 * A name, the fields to add to a valid prompt or valid messages (or a whole body), and part of the error
 * message.
 */
type Case = [name: string, body: object | string, text: string];

/** Some bodies have a hundred thousand members, which take a busy machine seconds to parse. */
const LARGE_BODY_TIMEOUT_MS = 60_000;

/** 400 "Bad Request": the body does not match the documented schema. */
const BAD_CHAT_BODIES: Case[] = [
  ["broken JSON", '{"messages": [', "json_invalid"],
  ["an empty body", "", "json_invalid"],
  [
    "single quotes",
    "{'messages': []}",
    `"JSON decode error: JSON Parse error: Single quotes (') are`,
  ],
  ["NaN", '{"messages":[],"temperature":NaN}', "json_invalid"],
  ["Infinity", '{"messages":[],"temperature":Infinity}', "json_invalid"],
  ["an array", "[]", "'dict_type', 'loc': ('body',)"],
  ["null", "null", "'dict_type', 'loc': ('body',)"],
  ["a deeply nested body", "[".repeat(2_000_000), "nested deeper than 100"],
  ["no messages", { messages: null }, "'loc': ('body', 'messages'), 'msg': 'Field required'"],
  ["messages of the wrong type", { messages: "hello" }, "list_type"],
  ["a message without a role", { messages: [{}] }, "('body', 'messages', 0, 'role')"],
  ["a message that is not an object", { messages: ["hi"] }, "('body', 'messages', 0)"],
  ["two errors at once", { seed: "x", n: "y" }, "2 validation errors:"],
  ["a seed that is not a number", { seed: "x" }, "int_parsing"],
  ["a hexadecimal seed", { seed: "0x10" }, "int_parsing"],
  ["a fractional top_k", { top_k: 1.5 }, "int_from_float"],
  ["an object in place of a number", { temperature: {} }, "float_type"],
  ["a number in place of a flag", { stream: 2 }, "bool_parsing"],
  ["a list in place of a model", { model: [] }, "string_type"],
  ["a number in place of a user", { user: 5 }, "string_type"],
  ["a list in place of vllm_xargs", { vllm_xargs: [] }, "dict_type"],
  [
    "stream options of the wrong type",
    { stream: true, stream_options: 5 },
    "model_attributes_type",
  ],
  [
    "stream options without a stream",
    { stream_options: { include_usage: true } },
    "Stream options can only be defined when `stream=True`.",
  ],
  [
    "prompt_logprobs in a stream",
    { stream: true, prompt_logprobs: 1 },
    "`prompt_logprobs` are not available when `stream=True`.",
  ],
  [
    "a name that is not a string",
    { messages: [{ role: "user", name: 5 }] },
    "0, 'name'), 'msg': 'Input",
  ],
  [
    "a call's id that is not a string",
    { messages: [{ role: "tool", tool_call_id: [] }] },
    "string_type",
  ],
  [
    "calls that are not a list",
    { messages: [{ role: "assistant", tool_calls: "f" }] },
    "list_type",
  ],
  [
    "a call without a function",
    { messages: [{ role: "assistant", tool_calls: [{ id: "1" }] }] },
    "('body', 'messages', 0, 'tool_calls', 0, 'function'), 'msg': 'Field required'",
  ],
  [
    "a call's arguments that are not a JSON string",
    { messages: [{ role: "assistant", tool_calls: [{ function: { name: "f", arguments: 5 } }] }] },
    "('body', 'messages', 0, 'tool_calls', 0, 'function', 'arguments'), 'msg': 'Input should be",
  ],
  [
    "a call's arguments that are a number, in float notation",
    '{"messages":[{"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":1.0}}]}]}',
    "('body', 'messages', 0, 'tool_calls', 0, 'function', 'arguments'), 'msg': 'Input should be",
  ],
  [
    "99,000 errors, only some of which are listed",
    `{"messages":[${"{},".repeat(98_999)}{}]}`,
    "99000 validation errors:",
  ],
  ["an unknown response format", { response_format: { type: "xml" } }, "literal_error"],
  ["a tool without a function", { tools: [{}] }, "('body', 'tools', 0, 'function')"],
];

const BAD_COMPLETION_BODIES: Case[] = [
  ["an overflowing number", '{"prompt":"x","temperature":1e999}', "float_type"],
  ["a float of a million digits and a letter", { temperature: `${MANY_ONES}x` }, "float_parsing"],
  ["an integer of a million digits and a letter", { n: `${MANY_ONES}x` }, "int_parsing"],
  ["a bias whose token id has a million digits", { logit_bias: { [MANY_ONES]: [] } }, "float_type"],
  ["a seed over 64 bits", HUGE, "less than or equal to 9223372036854775807"],
  ["an integer over 64 bits, with an exponent", '{"prompt":"x","n":1e19}', "int_parsing_size"],
  ["a mixed prompt list", { prompt: ["a", 5] }, "union_error"],
  ["a fractional token id", { prompt: [1.5] }, "union_error"],
  ["token ids as strings", { prompt: [["7"]] }, "union_error"],
  ["a number in place of a prompt", { prompt: 5 }, "union_error"],
  ["a stop that is not a string", { stop: [5] }, "string_type"],
  ["a bias that is not a number", { logit_bias: { "1": "x" } }, "float_parsing"],
  ["truncation to -2 tokens", { truncate_prompt_tokens: -2 }, "greater than or equal to -1"],
];

/** 400 "BadRequestError": a well-formed value that is rejected. */
const BAD_CHAT_VALUES: Case[] = [
  ["empty messages", { messages: [] }, "messages must not be empty"],
  ["an image", { messages: [{ role: "user", content: [{ type: "image_url" }] }] }, "image_url"],
  ["audio output", { modalities: ["text", "audio"] }, "`modalities` of kind 'audio' is not"],
  ["image output", { modalities: ["image"] }, "`modalities` of kind 'image' is not"],
  [
    "a number in place of content",
    { messages: [{ role: "user", content: 5 }] },
    "must be text or a list",
  ],
  ["top_logprobs without logprobs", { top_logprobs: 2 }, "`logprobs` must be set to true"],
  ["too many top_logprobs", { logprobs: true, top_logprobs: 21 }, "of 21, which is greater than"],
  [
    "max_tokens over the context length",
    { max_tokens: 99999 },
    "'max_tokens' or 'max_completion_tokens' is too large: 99999. This model's maximum context length is 1024 tokens and your request has 21 input tokens (99999 > 1024 - 21).",
  ],
  [
    "a prompt far over the context length",
    { messages: [{ role: "user", content: "x".repeat(1_000_000) }] },
    "maximum context length is 1024 tokens",
  ],
  [
    "99,000 template variables",
    { chat_template_kwargs: MANY_MEMBERS },
    "an object in chat_template_kwargs can have at most 1024 members, got 99000.",
  ],
  [
    "99,000 members within a message",
    { messages: [{ role: "user", content: "x", more: [MANY_MEMBERS] }] },
    "an object in messages can have at most 1024 members, got 99000.",
  ],
  [
    "99,000 parameters of a tool",
    { tools: [{ function: { name: "f", parameters: MANY_MEMBERS } }], tool_choice: "none" },
    "an object in tools can have at most 1024 members, got 99000.",
  ],
  [
    "continue_final_message and a generation prompt",
    { continue_final_message: true },
    "Cannot set both",
  ],
  [
    "a template in the request",
    { chat_template: "{{ x }}" },
    "--trust-request-chat-template is not set",
  ],
  [
    "a template among the variables",
    { chat_template_kwargs: { chat_template: "{{ x }}" } },
    "--trust-request-chat-template is not set",
  ],
  [
    "functions, not supported yet",
    { functions: [{ name: "f" }] },
    "`functions` is not supported by this",
  ],
  ["a tool choice without tools", { tool_choice: "required" }, "`tools` must be set."],
  [
    "a forced call with an empty list of tools",
    { tools: [], tool_choice: "required" },
    "`tools` must be set.",
  ],
  ["an unknown tool choice", { tools, tool_choice: "some" }, "Invalid value for `tool_choice`"],
  [
    "a tool with an empty name",
    { tools: [{ type: "function", function: { name: "" } }] },
    "A tool has an empty name.",
  ],
  [
    "a list of allowed tools with an unknown mode",
    { tools, tool_choice: { type: "allowed_tools", allowed_tools: { mode: "any", tools: [] } } },
    "`tool_choice` of type 'allowed_tools' must have a list of `tools`",
  ],
  [
    "an allowed tool that does not exist",
    {
      tools,
      tool_choice: {
        type: "allowed_tools",
        allowed_tools: { mode: "auto", tools: [{ function: { name: "g" } }] },
      },
    },
    '`tools` has no tool named "g".',
  ],
  [
    "a forced tool without a format for its call",
    { tools, tool_choice: "required" },
    "`tool_choice` cannot force a call, since the chat template has no known format for calls; set --tool-call-parser.",
  ],
  [
    "a response format without its schema",
    { response_format: { type: "json_schema" } },
    "When response_format type is 'json_schema', the 'json_schema' field must be provided.",
  ],
  [
    "a structured output without a constraint",
    { structured_outputs: {} },
    "You must use one kind of structured outputs constraint but none are specified.",
  ],
  ["an empty bad word", { bad_words: ["x", " "] }, "bad_words cannot contain an empty string."],
  ["a bad word of 1025 characters", { bad_words: ["x".repeat(1025)] }, "at most 1024 characters"],
  ["1025 bad words", { bad_words: Array(1025).fill("x") }, "at most 1024 strings, got 1025"],
  [
    "truncation to more than the context",
    { truncate_prompt_tokens: 1025 },
    "truncate_prompt_tokens value is greater than max_model_len.",
  ],
  ["truncation to nothing", { truncate_prompt_tokens: 0 }, "The decoder prompt cannot be empty"],
];

const BAD_COMPLETION_VALUES: Case[] = [
  ["no prompt", { prompt: null }, "Either prompt or prompt_embeds must be provided"],
  ["no prompts", { prompt: [] }, "please provide at least one prompt"],
  ["an empty list of ids", { prompt: [[]] }, "The decoder prompt cannot be empty"],
  ["too many prompts", { prompt: Array(2000).fill("x") }, "at most 1024 prompts"],
  [
    "a prompt over the context length",
    { prompt: "x".repeat(2000) },
    "This model's maximum context length is 1024 tokens. However, your request has 2001 input tokens.",
  ],
  [
    "a prompt eight times as long as the context",
    { prompt: "x".repeat(1024 * 8) },
    "However, your request has at least 8193 input tokens.",
  ],
  [
    "a prompt over the context length among other prompts",
    { prompt: ["a", "x".repeat(1024 * 8)] },
    "However, your request has at least 8193 input tokens.",
  ],
  ["a negative token id", { prompt: [-5] }, "Token id -5 is out of vocabulary"],
  ["a token id above the vocabulary", { prompt: [258] }, "Token id 258 is out of vocabulary"],
  ["a token id over 32 bits", { prompt: [4294967297] }, "Token id 4294967297 is out of vocabulary"],
  ["too many logprobs", { logprobs: 50 }, "sample logprobs of 50, which is greater than max"],
  ["negative logprobs", { logprobs: -2 }, "must be non-negative or -1, got -2."],
  [
    "logprobs of the whole vocabulary",
    { logprobs: -1 },
    "Requested sample logprobs of 258, which is greater than max allowed: 20",
  ],
  ["n = 0", { n: 0 }, "n must be at least 1, got 0."],
  ["n = 10^6", { n: 1_000_000 }, "n must be at most 128, got 1000000."],
  ["n > 1 and greedy", { n: 2, temperature: 0 }, "n must be 1 when using greedy sampling, got 2."],
  ["a negative temperature", { temperature: -0.5 }, "temperature must be non-negative, got -0.5."],
  ["a temperature over float32", { temperature: 1e300 }, "temperature is too large."],
  ["top_p = 0", { top_p: 0 }, "top_p must be in (0, 1], got 0.0."],
  ["a top_p that rounds to 0 as a float32", { top_p: 1e-300 }, "top_p must be in (0, 1]"],
  ["top_k = -2", { top_k: -2 }, "top_k must be 0 (disable), or at least 1, got -2."],
  ["min_p = 2", { min_p: 2 }, "min_p must be in [0, 1], got 2.0."],
  ["a large penalty", { presence_penalty: 3 }, "presence_penalty must be in [-2, 2], got 3.0."],
  ["a huge penalty", { presence_penalty: 1e22 }, "in [-2, 2], got 1e+22."],
  ["a tiny negative min_p", { min_p: -1e-7 }, "in [0, 1], got -1e-07."],
  ["repetition_penalty = 0", { repetition_penalty: 0 }, "must be greater than zero, got 0.0."],
  ["a repetition_penalty under float32", { repetition_penalty: 1e-300 }, "greater than zero"],
  ["a repetition_penalty over float32", { repetition_penalty: 1e300 }, "is too large."],
  ["min_tokens = -1", { min_tokens: -1 }, "min_tokens must be greater than or equal to 0, got -1."],
  ["min_tokens over max_tokens", { min_tokens: 9, max_tokens: 8 }, "max_tokens=8, got 9."],
  [
    "min_tokens over the default max_tokens",
    { min_tokens: 10 ** 9 },
    "max_tokens=16, got 1000000000.",
  ],
  ["max_tokens = 0", { max_tokens: 0 }, "max_tokens must be at least 1, got 0."],
  ["an empty stop string", { stop: "" }, "stop cannot contain an empty string."],
  ["99,000 stop strings", { stop: Array(99_000).fill("s") }, "at most 64 strings, got 99000"],
  ["a long stop string", { stop: "s".repeat(1025) }, "at most 1024 characters"],
  ["a stop token id above the vocabulary", { stop_token_ids: [300] }, "Token id 300 is out of"],
  ["10^5 stop token ids", { stop_token_ids: Array(100_000).fill(1) }, "at most 1024 ids"],
  ["no allowed token", { allowed_token_ids: [] }, "allowed_token_ids is not None and empty!"],
  ["an allowed id above the vocabulary", { allowed_token_ids: [999] }, "out-of-vocab token id!"],
  [
    "only the end token allowed before min_tokens",
    { allowed_token_ids: [257], min_tokens: 3 },
    "min_tokens=3 leaves no token to generate: every allowed token ends the text.",
  ],
  [
    "only stop tokens allowed before min_tokens",
    { allowed_token_ids: [65, 257], stop_token_ids: [65], min_tokens: 1 },
    "min_tokens=1 leaves no token to generate",
  ],
  [
    "a vocabulary of stop tokens before min_tokens",
    { stop_token_ids: Array.from({ length: 258 }, (_, id) => id), min_tokens: 1 },
    "min_tokens=1 leaves no token to generate",
  ],
  ["a biased id above the vocabulary", { logit_bias: { "999": 1 } }, "Vocabulary size: 258"],
  ["a biased id that is not a number", { logit_bias: { "": 1 } }, "Vocabulary size: 258"],
  ["two biases for one id", { logit_bias: { "00": 5, "0": 3 } }, "two entries for token id 0"],
  ["an empty salt", { cache_salt: "" }, "'cache_salt' must be a non-empty string"],
  ["a long salt", { cache_salt: "s".repeat(257) }, "at most 256 characters"],
  ["a suffix", { suffix: "y" }, "suffix is not currently supported"],
  [
    "more candidates than outputs",
    { best_of: 3, n: 2 },
    "best_of must not exceed n, got 3 and 2: the server does not rank candidates; set n instead.",
  ],
  ["embeddings, not supported yet", { prompt_embeds: "AAAA" }, "`prompt_embeds` is not supported"],
  [
    "beam search with stop strings",
    { use_beam_search: true, stop: ["x"] },
    "use_beam_search cannot be combined with stop.",
  ],
];

const OTHER: [
  name: string,
  path: string,
  body: object,
  status: number,
  type: string,
  text: string,
][] = [
  ["an unknown model", CHAT, { messages, model: "nope" }, 404, "NotFoundError", "The model `nope`"],
  ["no prompt to tokenize", "/tokenize", {}, 400, "Bad Request", "('body', 'prompt')"],
  ["a number to tokenize", "/tokenize", { prompt: 5 }, 400, "Bad Request", "string_type"],
  [
    "a template for /tokenize",
    "/tokenize",
    { messages, chat_template: "x" },
    400,
    "BadRequestError",
    "--trust-request-chat-template is not set",
  ],
  [
    "a template for /tokenize, among the variables",
    "/tokenize",
    { messages, chat_template_kwargs: { chat_template: "x" } },
    400,
    "BadRequestError",
    "--trust-request-chat-template is not set",
  ],
  [
    "continue_final_message and a generation prompt for /tokenize",
    "/tokenize",
    { messages, continue_final_message: true },
    400,
    "BadRequestError",
    "Cannot set both",
  ],
  ["no ids", "/detokenize", { tokens: "abc" }, 400, "Bad Request", "list_type"],
  ["a negative id", "/detokenize", { tokens: [-1] }, 400, "Bad Request", "out of range integral"],
  [
    "a body over 8 MiB",
    TEXT,
    { prompt: "x".repeat(9 * 1024 * 1024) },
    413,
    "RequestEntityTooLargeError",
    "larger than 8388608 bytes",
  ],
];

describe("a server that receives bad input", () => {
  const { post, engine } = makeApp();

  async function expectRefusal(
    path: string,
    body: object | string,
    expected: { status: number; type: string; text: string },
  ): Promise<void> {
    const response = await post(path, body);
    const { error } = (await response.json()) as { error: Record<string, unknown> };
    expect(Object.keys(error)).toEqual(["message", "type", "param", "code"]);
    expect(error["message"]).toContain(expected.text);
    const { status, type } = expected;
    expect([response.status, error["type"], error["code"]]).toEqual([status, type, status]);
    expect(engine.numLiveSequences).toBe(0);
  }

  const rejects =
    (path: string, good: object, type: string) =>
    (_: string, body: object | string, text: string) =>
      expectRefusal(path, typeof body === "string" ? body : { ...good, ...body }, {
        status: 400,
        type,
        text,
      });

  const prompt = "x";
  test.each(BAD_CHAT_BODIES)(
    "chat body: %s",
    rejects(CHAT, { messages }, "Bad Request"),
    LARGE_BODY_TIMEOUT_MS,
  );
  test.each(BAD_COMPLETION_BODIES)(
    "body: %s",
    rejects(TEXT, { prompt }, "Bad Request"),
    LARGE_BODY_TIMEOUT_MS,
  );
  test.each(BAD_CHAT_VALUES)(
    "chat: %s",
    rejects(CHAT, { messages }, "BadRequestError"),
    LARGE_BODY_TIMEOUT_MS,
  );
  test.each(BAD_COMPLETION_VALUES)(
    "%s",
    rejects(TEXT, { prompt }, "BadRequestError"),
    LARGE_BODY_TIMEOUT_MS,
  );
  test.each(OTHER)("%s", (_, path, body, status, type, text) =>
    expectRefusal(path, body, { status, type, text }),
  );

  test("rejects a wrong media type", async () => {
    const response = await post(CHAT, "{}", { "content-type": "text/plain" });
    expect(response.status).toBe(400);
    expect(await response.text()).toContain("Only 'application/json' is allowed");
  });

  test("rejects a body of unknown length once it exceeds the limit", async () => {
    const { app } = makeApp({}, { limits: { ...DEFAULT_LIMITS, maxBodyBytes: 10 } });
    const body = new ReadableStream({
      pull(controller) {
        controller.enqueue(new TextEncoder().encode("xxxx"));
      },
    });
    const headers = { "content-type": "application/json" };
    const url = `http://localhost${TEXT}`;
    expect((await app.handle(new Request(url, { method: "POST", headers, body }))).status).toBe(
      413,
    );
  });

  test("rejects an unsupported content encoding", async () => {
    const body = Bun.gzipSync(Buffer.from(JSON.stringify({ prompt })));
    const headers = { "content-type": "application/json", "content-encoding": "gzip" };
    const request = new Request(`http://localhost${TEXT}`, { method: "POST", headers, body });
    const response = await makeApp().app.handle(request);
    expect(response.status).toBe(400);
    expect(await response.text()).toContain('Content-Encoding \\"gzip\\" is not supported');
  });

  test.each([
    ["plain", "'plain'"],
    ["it's", `"it's"`],
    ['a "b"', `'a "b"'`],
    [`it's "b"`, `'it\\'s "b"'`],
  ])("quotes %s like Python", (text, quoted) => {
    expect(bodyFault("t", ["body"], text).message).toBe(
      `1 validation error:\n  {'type': 't', 'loc': ('body',), 'msg': ${quoted}}`,
    );
  });

  test("lists at most twenty errors and truncates long member names", async () => {
    const bias = Object.fromEntries(
      Array.from({ length: 25 }, (_, i) => [`${"k".repeat(99)}${i}`, []]),
    );
    const response = await post(TEXT, { prompt, logit_bias: bias });
    const { error } = (await response.json()) as { error: { message: string } };
    const lines = error.message.split("\n");
    expect(lines[0]).toBe("25 validation errors:");
    expect(lines).toHaveLength(22);
    expect(lines[21]).toBe("  and 5 more");
    expect(lines[11]).toContain(`('body', 'logit_bias', '${"k".repeat(99)}1')`);
  });

  test("rejects a body that is not UTF-8", async () => {
    const { app } = makeApp();
    const body = new Uint8Array([...Buffer.from('{"prompt":"'), 0xff, 0xfe, ...Buffer.from('"}')]);
    const headers = { "content-type": "application/json" };
    const response = await app.handle(
      new Request(`http://localhost${TEXT}`, { method: "POST", headers, body }),
    );
    expect(response.status).toBe(400);
    expect(await response.text()).toContain("not valid UTF-8");
  });

  test("ignores keys that name prototype members", async () => {
    const body =
      '{"prompt":"x","__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}';
    expect((await post(TEXT, body)).status).toBe(200);
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });
});

describe("a body that allows at least one token", () => {
  const { post } = makeApp();
  test.each([
    ["no min_tokens", { allowed_token_ids: [257], min_tokens: 0 }],
    ["the end token is ignored", { allowed_token_ids: [257], min_tokens: 2, ignore_eos: true }],
    ["another token is allowed", { allowed_token_ids: [65, 257], min_tokens: 2 }],
  ])("is accepted: %s", async (_, body) => {
    const answer = await post(TEXT, { prompt: "x", max_tokens: 2, ...body });
    expect(answer.status).toBe(200);
  });
});

describe("constraints with no effect", () => {
  const { post } = makeApp();
  test.each([
    ...["vllm_xargs", "kv_transfer_params", "logit_bias", "chat_template_kwargs"].map((name) => [
      name,
      {},
    ]),
    ...["bad_words", "tools", "functions", "logits_processors", "stop", "documents"].map((name) => [
      name,
      [],
    ]),
  ] as [string, unknown][])("%s of %j is accepted", async (name, value) => {
    const answer = await post(CHAT, { messages, max_tokens: 1, [name]: value });
    expect([answer.status, await answer.text()]).toEqual([200, expect.anything()]);
  });
});

describe("constraints from other servers and versions", () => {
  const { post } = makeApp();
  const asked: [name: string, value: unknown][] = [
    ["logits_processors", ["a.b"]],
    ["web_search_options", {}],
    ["repetition_detection", { max_pattern_size: 8 }],
    ["stop_regex", "a+"],
    ["custom_logit_processor", "{}"],
    ["lora", [{ id: 0, scale: 0.5 }]],
    ["lora_path", "a"],
    ["format", "json"],
    ["typical_p", 0.9],
    ["top_n_sigma", 1],
    ["min_keep", 2],
    ["n_indent", 4],
    ["n_cmpl", 3],
    ["mirostat", 2],
    ["dynatemp_range", 0.5],
    ["dry_multiplier", 0.8],
    ["xtc_probability", 0.5],
    ["t_max_predict_ms", 100],
  ];
  test.each(asked)("%s is rejected with an error that names it", async (name, value) => {
    for (const [path, good] of [
      [CHAT, { messages }],
      [TEXT, { prompt: "x" }],
    ] as const) {
      const response = await post(path, { ...good, [name]: value });
      const { error } = (await response.json()) as { error: object };
      expect(error).toEqual({
        message: `\`${name}\` is not supported by this server yet.`,
        type: "BadRequestError",
        param: name,
        code: 400,
      });
    }
  });
});

describe("input that pydantic accepts", () => {
  const { post } = makeApp();
  const good: [name: string, body: object][] = [
    ["unknown fields", { unknown_field: 1, user: "u", store: true, metadata: { a: "b" } }],
    ["empty values for unsupported fields", { bad_words: [], guided_json: null, grammar: "" }],
    ["numbers as strings", { max_tokens: "5", temperature: " 0.5 " }],
    ["flags as strings", { stream: "false", ignore_eos: 1 }],
    ["whole floats as integers", { max_tokens: 5.0, top_k: "3.0" }],
    ["nulls for absent values", { max_tokens: null, n: null, stop: null }],
    ["a bias as a string", { logit_bias: { "65": "5" } }],
    ["biased ids as Python's int() reads them", { logit_bias: { " +65 ": 5, "066": 1, "-0": 1 } }],
    ["a top_k above the vocabulary size", { top_k: 4294967297 }],
    ["the smallest seed", { seed: -9007199254740991 }],
    ["an empty object of stream options", { stream_options: {} }],
    ["the plain response format", { response_format: { type: "text" } }],
  ];
  test.each(good)("%s", async (_, body) => {
    expect((await post(TEXT, { prompt: "x", ...body })).status).toBe(200);
  });

  test("tools that are unused or empty", async () => {
    expect((await post(CHAT, { messages, tools, tool_choice: "none" })).status).toBe(200);
    expect((await post(CHAT, { messages, tools: [], tool_choice: "auto" })).status).toBe(200);
  });
});
