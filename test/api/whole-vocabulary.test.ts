// Logprobs for the whole vocabulary: requested with -1, allowed by the operator, limited by response size.

import { describe, expect, test } from "bun:test";
import { makeApp } from "../support/fake-engine.ts";

const CHAT = "/v1/chat/completions";
const TEXT = "/v1/completions";
const VOCAB_SIZE = 258;
const messages = [{ role: "user", content: "x" }];

interface Choice {
  readonly logprobs: {
    readonly content: readonly { readonly top_logprobs: readonly unknown[] }[];
    readonly tokens: readonly string[];
  };
  readonly prompt_logprobs: readonly (object | null)[] | null;
}
interface Answer {
  readonly choices: readonly Choice[];
  readonly prompt_logprobs: readonly (object | null)[] | null;
  readonly error: { readonly message: string };
}

function asker(maxLogprobs: number | null) {
  const { post } = makeApp({}, { maxLogprobs });
  return async (path: string, body: object) => (await (await post(path, body)).json()) as Answer;
}

describe("without a limit", () => {
  const ask = asker(null);

  test("-1 returns an entry for every token, in chats, completions, and prompts", async () => {
    const chat = await ask(CHAT, {
      ...{ messages, max_tokens: 2, logprobs: true, top_logprobs: -1, prompt_logprobs: -1 },
    });
    const counts = chat.choices[0]?.logprobs.content.map(({ top_logprobs: top }) => top.length);
    expect(counts).toEqual([VOCAB_SIZE, VOCAB_SIZE]);
    expect(Object.keys(chat.prompt_logprobs?.[1] ?? {})).toHaveLength(VOCAB_SIZE);
    const text = await ask(TEXT, { prompt: "x", max_tokens: 1, logprobs: -1, prompt_logprobs: -1 });
    expect(text.choices[0]?.logprobs.tokens).toHaveLength(1);
    expect(Object.keys(text.choices[0]?.prompt_logprobs?.[1] ?? {})).toHaveLength(VOCAB_SIZE);
  });

  test("more than the vocabulary size is rejected", async () => {
    const { error } = await ask(TEXT, { prompt: "x", logprobs: VOCAB_SIZE + 1 });
    expect(error.message).toBe(
      "Requested sample logprobs of 259, which is greater than max allowed: 258",
    );
  });

  test("more than two million entries per response are rejected, even if spread over several prompts", async () => {
    const many = { prompt: "x", logprobs: -1, max_tokens: 1000 };
    expect((await ask(TEXT, { ...many, n: 8 })).error.message).toStartWith(
      "The request could return 2064000 log-probabilities, but a response is limited to 2000000.",
    );
    expect((await ask(TEXT, { ...many, prompt: Array(8).fill("x") })).error.message).toStartWith(
      "The request could return 2064000 log-probabilities",
    );
    const usual = await ask(TEXT, { ...many, logprobs: 20, n: 8, max_tokens: 1 });
    expect(usual.choices).toHaveLength(8);
  });
});

describe("with a limit of 50", () => {
  const ask = asker(50);

  test("allows 50 and rejects 51 or -1", async () => {
    const chat = await ask(CHAT, {
      ...{ messages, max_tokens: 1, logprobs: true, top_logprobs: 50 },
    });
    expect(chat.choices[0]?.logprobs.content[0]?.top_logprobs).toHaveLength(50);
    for (const [asked, named] of [
      [51, 51],
      [-1, 258],
    ]) {
      const { error } = await ask(TEXT, { prompt: "x", prompt_logprobs: asked });
      expect(error.message).toBe(
        `Requested prompt logprobs of ${named}, which is greater than max allowed: 50`,
      );
    }
  });
});

test("a limit of 0 allows only the sampled token's log-probability", async () => {
  const answer = await asker(0)(CHAT, { messages, max_tokens: 1, logprobs: true });
  expect(answer.choices[0]?.logprobs.content[0]?.top_logprobs).toEqual([]);
});

test.each([
  [
    "top_logprobs below -1",
    { top_logprobs: -2, logprobs: true },
    "must be a positive value or -1.",
  ],
  ["top_logprobs of -1 without logprobs", { top_logprobs: -1 }, "`logprobs` must be set to true."],
  ["prompt_logprobs below -1", { prompt_logprobs: -2 }, "must be non-negative or -1, got -2."],
  [
    "prompt_logprobs of -1 in a stream",
    { prompt_logprobs: -1, stream: true },
    "not available when",
  ],
])("%s is rejected", async (_, fields, text) => {
  const { error } = await asker(null)(CHAT, { messages, ...fields });
  expect(error.message).toContain(text);
});
