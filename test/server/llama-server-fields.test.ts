// Fields from llama-server and Ollama: accepted if they have no effect, otherwise rejected with an error that
// names them.

import { describe, expect, test } from "bun:test";
import { makeApp } from "../support/fake-engine.ts";

const CHAT = "/v1/chat/completions";
const TEXT = "/v1/completions";
const messages = [{ role: "user", content: "hi" }];

describe("fields from llama-server and Ollama", () => {
  const { post } = makeApp();

  test.each([
    ["n_predict", 8, "max_tokens"],
    ["n_probs", 3, "logprobs"],
    ["repeat_penalty", 1.1, "repetition_penalty"],
  ])("are rejected: the error for %s names the field to use instead", async (name, value, own) => {
    const response = await post(TEXT, { prompt: "x", [name]: value });
    const { error } = (await response.json()) as { error: object };
    expect(error).toEqual({
      message: `\`${name}\` is not supported by this server yet. Use \`${own}\` instead.`,
      type: "BadRequestError",
      param: name,
      code: 400,
    });
  });

  test.each([
    ["samplers", ["top_k", "temperature"]],
    ["samplers", "kt"],
    ["options", { temperature: 0, num_ctx: 4096 }],
    ["think", true],
    ["think", "high"],
  ])("are rejected: %s set to %j", async (name, value) => {
    for (const [path, body] of [
      [TEXT, { prompt: "x" }],
      [CHAT, { messages }],
    ] as const) {
      const response = await post(path, { ...body, [name]: value });
      expect([response.status, await response.json()]).toEqual([
        400,
        {
          error: {
            message: `\`${name}\` is not supported by this server yet.`,
            ...{ type: "BadRequestError", param: name, code: 400 },
          },
        },
      ]);
    }
  });

  test.each<[name: string, path: string, body: object]>([
    [
      "fields that request nothing",
      CHAT,
      { messages, samplers: [], options: {}, think: false, reasoning_effort: null },
    ],
    [
      "options that are switched off",
      TEXT,
      { prompt: "x", typical_p: 1, mirostat: 0, n_predict: -1 },
    ],
    ["both names", TEXT, { prompt: "x", n_predict: 8, max_tokens: 8, n_probs: 1, logprobs: 1 }],
    ["both names in a chat", CHAT, { messages, n_predict: 8, max_completion_tokens: 8 }],
    [
      "options that do not change the output",
      TEXT,
      { prompt: "x", cache_prompt: false, id_slot: 0 },
    ],
  ])("are accepted: %s", async (_, path, body) => {
    expect((await post(path, body)).status).toBe(200);
  });
});

describe("reasoning_effort", () => {
  const { post } = makeApp();
  const ask = (effort: unknown) =>
    post(CHAT, { messages, max_tokens: 1, reasoning_effort: effort });

  test.each(["none", "minimal", "low", "medium", "high", "xhigh", "max"])(
    "can be %s",
    async (effort) => {
      expect((await ask(effort)).status).toBe(200);
    },
  );

  test.each([[""], ["High"], ["extreme"], [1], [true], [{}], [["low"]]])(
    "cannot be %j",
    async (effort) => {
      const response = await ask(effort);
      expect([response.status, await response.json()]).toMatchObject([
        400,
        {
          error: {
            message:
              "1 validation error:\n  {'type': 'literal_error', 'loc': ('body', 'reasoning_effort'), " +
              "'msg': \"Input should be 'none', 'minimal', 'low', 'medium', 'high', 'xhigh' or 'max'\"}",
          },
        },
      ]);
    },
  );
});
