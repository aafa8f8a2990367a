// Integers above 2^53 in a request body: read exactly, or rejected with an error that quotes all digits.

import { describe, expect, test } from "bun:test";
import { completionBody } from "../../src/library/wire-body.ts";
import type { EngineRequest } from "../../src/protocol/protocol.ts";
import { makeApp } from "../support/fake-engine.ts";

const CHAT = "/v1/chat/completions";
const TEXT = "/v1/completions";
const HUGE = "9007199254740993";

const { post, client } = makeApp();
const added: EngineRequest[] = [];
const add = client.add.bind(client);
client.add = (request) => {
  added.push(request);
  return add(request);
};

async function requestOf(field: string): Promise<EngineRequest | undefined> {
  const response = await post(TEXT, `{"prompt":"x","max_tokens":1,${field}}`);
  expect(response.status).toBe(200);
  return added.at(-1);
}

describe("a seed", () => {
  test.each([
    ["2^53", "9007199254740992", 9007199254740992n],
    ["2^53 + 1", HUGE, 9007199254740993n],
    ["2^53 + 1 as text", `"${HUGE}"`, 9007199254740993n],
    ["the largest", "9223372036854775807", 9223372036854775807n],
    ["the smallest, in two's complement", "-9223372036854775808", 9223372036854775808n],
    ["a negative seed", "-2", 2n ** 64n - 2n],
    ["a whole float", "1e3", 1000n],
    ["-1, which means no seed", "-1", null],
  ])("%s is read exactly", async (_, text, seed) => {
    const request = await requestOf(`"seed":${text}`);
    expect(request?.samplingParams.seed).toBe(seed as bigint);
  });

  test.each([
    ["2^63", "9223372036854775808", "less than or equal to 9223372036854775807"],
    ["-2^63 - 1", "-9223372036854775809", "greater than or equal to -9223372036854775808"],
    ["a float over 64 bits", "1e19", "the number is too large"],
    ["a seed with a million digits", "9".repeat(1_000_000), "the number is too large"],
  ])("%s is rejected", async (_, seed, text) => {
    for (const [path, rest] of [
      [TEXT, '"prompt":"x"'],
      [CHAT, '"messages":[{"role":"user","content":"x"}]'],
    ] as const) {
      const response = await post(path, `{${rest},"seed":${seed}}`);
      expect(response.status).toBe(400);
      expect(await response.text()).toContain(text);
    }
  });

  test("can be a bigint in the library", () => {
    expect(completionBody("x", { seed: 2n ** 63n - 1n }).seed).toBe(9223372036854775807n);
    expect(completionBody("x", { seed: 5n }).seed).toBe(5);
    expect(() => completionBody("x", { seed: 2n ** 63n })).toThrow("less than or equal to");
  });
});

describe("a priority", () => {
  test("given in nanoseconds is read exactly", async () => {
    const request = await requestOf('"priority":1796049999123456789');
    expect(request?.priority).toBe(1796049999123456789n);
  });
});

describe("a huge integer in another field", () => {
  test.each([
    ["n", HUGE, `n must be at most 128, got ${HUGE}.`],
    ["n", `-${HUGE}`, `n must be at least 1, got -${HUGE}.`],
    [
      "max_tokens",
      HUGE,
      `is too large: ${HUGE}. This model's maximum context length is 1024 tokens.`,
    ],
    ["max_tokens", `-${HUGE}`, `max_tokens must be at least 1, got -${HUGE}.`],
    ["min_tokens", HUGE, `min_tokens must be less than or equal to max_tokens=16, got ${HUGE}.`],
    ["top_k", `-${HUGE}`, `top_k must be 0 (disable), or at least 1, got -${HUGE}.`],
    [
      "logprobs",
      HUGE,
      `Requested sample logprobs of ${HUGE}, which is greater than max allowed: 20`,
    ],
    ["prompt_logprobs", HUGE, `Requested prompt logprobs of ${HUGE}, which`],
    ["stop_token_ids", `[${HUGE}]`, `Token id ${HUGE} is out of vocabulary`],
    ["prompt", `[${HUGE}]`, `Token id ${HUGE} is out of vocabulary`],
    ["prompt", `[[1],[${HUGE}]]`, `Token id ${HUGE} is out of vocabulary`],
    ["allowed_token_ids", `[${HUGE}]`, "allowed_token_ids contains out-of-vocab token id!"],
    ["logit_bias", `{"${HUGE}":1}`, `token_id(s) [${HUGE}] in logit_bias`],
  ])("causes an error that quotes all its digits: %s set to %s", async (field, value, text) => {
    const prompt = field === "prompt" ? "" : '"prompt":"x",';
    const response = await post(TEXT, `{${prompt}"${field}":${value}}`);
    expect(response.status).toBe(400);
    expect(((await response.json()) as { error: { message: string } }).error.message).toContain(
      text,
    );
  });

  test("is quoted in chats, too: max_completion_tokens and top_logprobs", async () => {
    const chat = (field: string) =>
      post(CHAT, `{"messages":[{"role":"user","content":"x"}],"logprobs":true,${field}}`);
    expect(await (await chat(`"max_completion_tokens":${HUGE}`)).text()).toContain(HUGE);
    expect(await (await chat(`"top_logprobs":${HUGE}`)).text()).toContain(HUGE);
  });

  test("means no limit if it is a top_k", async () => {
    expect((await requestOf(`"top_k":${HUGE}`))?.samplingParams.topK).toBe(0);
  });

  test("detokenizes to an empty string if it is a token ID", async () => {
    const response = await post("/detokenize", `{"tokens":[72,${HUGE}]}`);
    expect(await response.json()).toEqual({ prompt: "H" });
  });
});

test("template variables keep all their digits", async () => {
  const chat = `{"messages":[{"role":"user","content":"x"}],"max_tokens":1,"chat_template_kwargs":{"id":${HUGE}}}`;
  expect((await post(CHAT, chat)).status).toBe(200);
  const prompt = added.at(-1)?.prompt as { chat: { json: string } };
  expect(prompt.chat.json).toEndWith(`"kwargs":{"id":${HUGE}}}`);
});
