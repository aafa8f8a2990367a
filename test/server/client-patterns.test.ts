// Patterns that agents use to recognize that a conversation is too long or that they must wait,
// copied from the agents' sources. Overflow errors must match on every route, and no other refusal
// may match, because an agent would then shorten its conversation or wait unnecessarily.

import { describe, expect, test } from "bun:test";
import { makeApp } from "../support/fake-engine.ts";

const user = (content: unknown) => [{ role: "user", content }];
const LONG = "x".repeat(2000);

/** Each client's overflow patterns, with the routes that the client uses. */
const OVERFLOW: readonly (readonly [
  client: string,
  routes: readonly string[],
  patterns: readonly RegExp[],
])[] = [
  ["Claude Code", ["messages"], [/^prompt is too long: \d+ tokens > \d+ maximum$/]],
  [
    "opencode, pi, openclaw",
    ["messages", "chat/completions", "responses"],
    [
      /maximum context length is \d+ tokens/i,
      /prompt is too long/i,
      /exceeds the available context size/i,
      /context[_ ]length[_ ]exceeded/i,
    ],
  ],
  ["Cline", ["chat/completions", "responses"], [/context length|maximum context/i]],
  [
    "Goose",
    ["messages", "chat/completions", "responses", "completions"],
    [/too long|context length|reduce the length|input length/i, /exceeds|max_tokens/i],
  ],
  ["LiteLLM", ["chat/completions", "completions"], [/this model's maximum context length is/i]],
];

const WAIT = [/rate limit/i, /too many requests/i, /\b429\b/];

const { post } = makeApp();

const OVERLONG: Readonly<Record<string, object>> = {
  messages: { messages: user(LONG), max_tokens: 5 },
  "chat/completions": { messages: user(LONG) },
  completions: { prompt: LONG },
  responses: { input: LONG },
};

async function refusalOf(route: string, body: unknown) {
  const response = await post(`/v1/${route}`, body);
  const { error } = (await response.json()) as { error: { message: string; type: string } };
  return { status: response.status, ...error };
}

describe("a conversation that is too long", () => {
  const cases = OVERFLOW.flatMap(([client, routes, patterns]) =>
    routes.map((route) => [client, route, patterns] as const),
  );
  test.each(cases)("is recognized by %s on /v1/%s", async (_, route, patterns) => {
    const { status, message } = await refusalOf(route, OVERLONG[route]);
    expect(status).toBe(400);
    expect(patterns.some((pattern) => pattern.test(message))).toBe(true);
    expect(WAIT.filter((pattern) => pattern.test(message))).toEqual([]);
  });
});

const chat = (extra: object) => ["chat/completions", { messages: user("hi"), ...extra }] as const;
const text = (extra: object) => ["completions", { prompt: "hi", ...extra }] as const;
const message = (extra: object) =>
  ["messages", { messages: user("hi"), max_tokens: 5, ...extra }] as const;
const response = (extra: object) => ["responses", { input: "hi", ...extra }] as const;

const tools = [{ type: "function", function: { name: "f" } }];

const REFUSALS: readonly (readonly [route: string, body: unknown])[] = [
  ...[chat, text, message, response].flatMap((make) => [
    make({ temperature: -1 }),
    make({ temperature: 1e39 }),
    make({ temperature: "hot" }),
    make({ top_p: 2 }),
  ]),
  ...[chat, text].flatMap((make) => [
    make({ n: 0 }),
    make({ n: 1000 }),
    make({ top_k: -5 }),
    make({ min_tokens: -1 }),
    make({ presence_penalty: 3 }),
    make({ repetition_penalty: 0 }),
    make({ stop: "" }),
    make({ stop: Array(100).fill("x") }),
    make({ stop: "x".repeat(2000) }),
    make({ logit_bias: { 999999: 1 } }),
    make({ allowed_token_ids: [] }),
    make({ stop_token_ids: [-1] }),
    make({ cache_salt: "x".repeat(300) }),
    make({ structured_outputs: { grammar: 'root ::= "' } }),
    make({ structured_outputs: { grammar: `root ::= ${'"a" '.repeat(100_000)}` } }),
    make({ response_format: { type: "xml" } }),
    make({ kv_transfer_params: { a: 1 } }),
  ]),
  chat({ top_logprobs: 3 }),
  chat({ logprobs: true, top_logprobs: 21 }),
  chat({ messages: [] }),
  chat({ messages: user([{ type: "image_url", image_url: { url: "data:," } }]) }),
  chat({ messages: user([{ type: "strange" }]) }),
  chat({ tools, tool_choice: "sometimes" }),
  chat({ tools: [...tools, ...tools] }),
  chat({ tool_choice: "auto" }),
  chat({ chat_template: "x" }),
  text({ logprobs: 50 }),
  text({ prompt: [] }),
  text({ prompt: [-1] }),
  message({ messages: user([{ type: "image" }]) }),
  message({ messages: [] }),
  message({ stop_sequences: [""] }),
  message({ system: 5 }),
  message({ tools: [{ name: "f" }, { input_schema: {} }] }),
  response({ input: [{}] }),
  response({ truncation: "some" }),
  response({ background: true, store: false }),
  response({ previous_response_id: "resp_none" }),
  response({ conversation: "c" }),
  response({ max_output_tokens: 1.5 }),
  ["messages", "{"],
  ["responses", "[]"],
  ["chat/completions", `{"messages":${"[".repeat(100)}${"]".repeat(100)}}`],
];

describe("any other refusal", () => {
  test.each(REFUSALS)(
    "on /v1/%s is mistaken for neither an overflow nor a rate limit: %j",
    async (route, body) => {
      const { status, message: shown } = await refusalOf(route, body);
      expect([400, 404]).toContain(status);
      const patterns = [...OVERFLOW.flatMap(([, , all]) => all), ...WAIT];
      expect([shown, patterns.filter((pattern) => pattern.test(shown))]).toEqual([shown, []]);
    },
  );

  /** vLLM's own wording, which its clients match. Both errors are about the token limit. */
  test.each([
    [chat({ max_tokens: 0 }), "max_tokens must be at least 1, got 0."],
    [
      chat({ min_tokens: 9, max_tokens: 5 }),
      "min_tokens must be less than or equal to max_tokens=5, got 9.",
    ],
  ])("that names a token limit keeps vLLM's wording: %j", async ([route, body], words) => {
    expect((await refusalOf(route, body)).message).toBe(words);
  });
});
