// Fields that only llama-server has: accepted if they have no effect, otherwise rejected by name.

import { describe, expect, test } from "bun:test";
import { makeApp } from "../support/fake-engine.ts";

const CHAT = "/v1/chat/completions";
const TEXT = "/v1/completions";
const messages = [{ role: "user", content: "hi" }];

describe("llama-server's field names", () => {
  const { post } = makeApp();

  test.each([
    ["n_predict", 8, "max_tokens"],
    ["n_probs", 3, "logprobs"],
    ["repeat_penalty", 1.1, "repetition_penalty"],
  ])("rejects %s and names the field to use instead", async (name, value, own) => {
    const response = await post(TEXT, { prompt: "x", [name]: value });
    const { error } = (await response.json()) as { error: object };
    expect(error).toEqual({
      message: `\`${name}\` is not supported by this server yet. Use \`${own}\` instead.`,
      type: "BadRequestError",
      param: name,
      code: 400,
    });
  });

  test.each<[name: string, path: string, body: object]>([
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
  ])("accepts %s", async (_, path, body) => {
    expect((await post(path, body)).status).toBe(200);
  });
});
