// Bodies with so many values that parsing them would block the server: which bodies are rejected, and the
// exact limits.

import { describe, expect, test } from "bun:test";
import { makeApp } from "../support/fake-engine.ts";

const CHAT = "/v1/chat/completions";
const TEXT = "/v1/completions";
const messages = [{ role: "user", content: "hi" }];
const MANY_PARTS =
  "1 validation error:\n  {'type': 'json_invalid', 'loc': ('body',), 'msg': " +
  "'The body has more than 100000 strings, lists and objects'}";

const { post, engine } = makeApp();

async function refusal(path: string, body: object | string) {
  const response = await post(path, body);
  const { error } = (await response.json()) as { error: { message: string; param: string | null } };
  expect([response.status, engine.numLiveSequences]).toEqual([400, 0]);
  return error;
}

describe("strings, lists, and objects in a body", () => {
  const members = Object.fromEntries(Array.from({ length: 570_000 }, (_, i) => [i, 1]));
  const cases: [string, object | string][] = [
    ["570,000 members whose names are integers", { messages, chat_template_kwargs: members }],
    ["two million messages", `{"messages":[${"{},".repeat(1_999_999)}{}]}`],
    ["a million names in a field that is not read", { messages, x: Array(500_000).fill({ a: 1 }) }],
  ];
  test.each(cases)("are limited in number: %s are rejected", async (_, body) => {
    expect(await refusal(CHAT, body)).toMatchObject({ message: MANY_PARTS, param: null });
  });

  test("can number 100,000, but not one more", async () => {
    // The body, its four strings, and the list.
    const withItems = (count: number) => ({ prompt: "x", max_tokens: 1, x: Array(count).fill([]) });
    expect((await post(TEXT, withItems(99_994))).status).toBe(200);
    expect(await refusal(TEXT, withItems(99_995))).toMatchObject({ message: MANY_PARTS });
  });

  test("are counted correctly despite quotes and brackets in strings", async () => {
    const body = { prompt: '[{\\"'.repeat(100), max_tokens: 1, x: '"[]{}\\'.repeat(100_000) };
    expect((await post(TEXT, body)).status).toBe(200);
  });
});

describe("allowed_token_ids", () => {
  test("can be as long as the vocabulary", async () => {
    const ids = { allowed_token_ids: Array(258).fill(65), max_tokens: 2 };
    expect(await (await post(TEXT, { prompt: "x", ...ids })).json()).toMatchObject({
      choices: [{ text: "AA" }],
    });
  });

  test("cannot list four million IDs, even next to a 19-digit integer", async () => {
    const ids = `${"1,".repeat(3_999_000)}1`;
    const body = `{"prompt":"x","seed":1234567890123456789,"allowed_token_ids":[${ids}]}`;
    expect(await refusal(TEXT, body)).toMatchObject({
      message: "allowed_token_ids can have at most 258 ids, the size of the vocabulary.",
      param: "allowed_token_ids",
    });
  });
});
