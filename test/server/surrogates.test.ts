// Half a surrogate pair in a body becomes U+FFFD, since strict parsers reject responses with lone surrogates.

import { describe, expect, test } from "bun:test";
import { makeApp } from "../support/fake-engine.ts";

const CHAT = "/v1/chat/completions";
const TEXT = "/v1/completions";
const HALF = "\\ud83d";
const message = `{"role":"user","content":"${HALF}"}`;

/** Requests for every piece of input that a response can repeat. */
const BODIES: [name: string, path: string, body: string, shown: string][] = [
  ["an echo", TEXT, `{"prompt":"a${HALF} b","max_tokens":1,"echo":true}`, '"text":"a\ufffd b'],
  [
    "an echo in a stream",
    TEXT,
    `{"prompt":"a${HALF} b","max_tokens":1,"echo":true,"stream":true,"logprobs":1}`,
    '"text":"a\ufffd b',
  ],
  [
    "a list of prompts",
    TEXT,
    `{"prompt":["${HALF}"],"max_tokens":1,"echo":true}`,
    '"text":"\ufffd',
  ],
  [
    "an echoed last message",
    CHAT,
    `{"messages":[${message}],"max_tokens":1,"echo":true,"add_generation_prompt":false}`,
    '"content":"\ufffd',
  ],
  [
    "the last message's role",
    CHAT,
    `{"messages":[{"role":"${HALF}","content":"x"}],"max_tokens":1,"add_generation_prompt":false,"stream":true}`,
    '"role":"\\ufffd"',
  ],
  ["a model's name", TEXT, `{"prompt":"x","model":"${HALF}"}`, "The model `\ufffd`"],
  ["a name in an error", CHAT, `{"messages":[{"${HALF}":1}]}`, "'role'"],
  ["a biased id", TEXT, `{"prompt":"x","logit_bias":{"${HALF}":1}}`, "[\ufffd]"],
  ["a bias", TEXT, `{"prompt":"x","logit_bias":{"${HALF}":"x"}}`, "'\ufffd')"],
  [
    "a tool choice",
    CHAT,
    `{"messages":[${message}],"tools":[{"function":{"name":"f"}}],"tool_choice":"${HALF}"}`,
    "\ufffd",
  ],
  [
    "a part's type",
    CHAT,
    `{"messages":[{"role":"user","content":[{"type":"${HALF}"}]}]}`,
    "\ufffd",
  ],
  ["a request's id", TEXT, `{"prompt":"x","request_id":"${HALF}"}`, "cmpl-"],
  ["a stop text", TEXT, `{"prompt":"x","max_tokens":1,"stop":"${HALF}"}`, '"stop_reason":null'],
];

describe("half a surrogate pair", () => {
  const { post } = makeApp();

  test.each(BODIES)("in %s", async (_, path, body, shown) => {
    const text = await (await post(path, body)).text();
    expect(text.replaceAll("\ufffd", "\\ufffd")).toContain(shown.replaceAll("\ufffd", "\\ufffd"));
    expect(text).not.toMatch(/\\ud[89a-f]/i);
    expect(text.isWellFormed()).toBe(true);
  });

  test("is tokenized as U+FFFD", async () => {
    const { tokens } = (await (await post("/tokenize", `{"prompt":"${HALF}"}`)).json()) as {
      tokens: number[];
    };
    expect(tokens).toEqual([256, 0xef, 0xbf, 0xbd]);
  });

  test("is not confused with a complete pair, which is kept", async () => {
    const body = '{"prompt":"\\ud83d\\ude00","max_tokens":1,"echo":true}';
    expect(await (await post(TEXT, body)).text()).toContain("\u{1f600}");
  });

  test("never results from truncating text in an error", async () => {
    const body = { prompt: "x", logit_bias: { [`${"x".repeat(19)}\u{1f600}`]: 1 } };
    const text = await (await post(TEXT, body)).text();
    expect(text).toContain(`[${"x".repeat(19)}\u{1f600}]`);
  });
});
