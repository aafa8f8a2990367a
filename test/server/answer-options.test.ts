// Server-wide options for responses.

import { describe, expect, test } from "bun:test";
import { DEFAULT_ANSWER_OPTIONS } from "../../src/api/answer-options.ts";
import { makeApp, readEvents } from "../support/fake-engine.ts";

const messages = [{ role: "user", content: "x" }];
const body = { messages, prompt: "x", max_tokens: 2, temperature: 0 };
const ROUTES = ["/v1/chat/completions", "/v1/completions"];

interface Chunk {
  readonly choices: readonly object[];
  readonly usage?: object | null;
}

describe("--response-role", () => {
  const { post } = makeApp({}, { answers: { ...DEFAULT_ANSWER_OPTIONS, role: "bot" } });

  test("sets the role in responses, streamed or not", async () => {
    const answer = await post("/v1/chat/completions", body);
    expect(await answer.json()).toMatchObject({ choices: [{ message: { role: "bot" } }] });
    const events = await readEvents(await post("/v1/chat/completions", { ...body, stream: true }));
    expect(events[0]).toMatchObject({ choices: [{ delta: { role: "bot" } }] });
  });

  test("does not set the role of a response that continues the last message", async () => {
    const continued = { add_generation_prompt: false, continue_final_message: true };
    const answer = await post("/v1/chat/completions", { ...body, ...continued });
    expect(await answer.json()).toMatchObject({ choices: [{ message: { role: "user" } }] });
  });
});

describe("--stream-interval", () => {
  const model = { stepDelayMs: 1 };
  const texts = async (path: string, streamInterval: number, n = 1) => {
    const answers = { ...DEFAULT_ANSWER_OPTIONS, streamInterval };
    const { post } = makeApp({ model }, { answers });
    const asked = { ...body, max_tokens: 8, ignore_eos: true, stream: true, n, seed: 1 };
    const answer = await post(path, { ...asked, temperature: n > 1 ? 1 : 0 });
    const events = (await readEvents(answer)).slice(0, -1) as {
      choices: { index: number; text?: string; delta?: { role?: string; content: string } }[];
    }[];
    const choices = events.flatMap((event) => event.choices);
    const shown = choices.filter(({ index, delta }) => index === 0 && delta?.role === undefined);
    return shown.map(({ text, delta }) => text ?? delta?.content ?? "");
  };

  test.each(ROUTES)("combines tokens from %s, except for the first and the last", async (path) => {
    expect((await texts(path, 3)).map((text) => text.length)).toEqual([1, 3, 3, 1]);
    expect((await texts(path, 3)).join("")).toBe((await texts(path, 1)).join(""));
  });

  test("counts each choice's tokens separately", async () => {
    const lengths = (await texts("/v1/completions", 4, 2)).map((text) => text.length);
    expect(lengths).toEqual([1, 4, 3]);
  });
});

describe("--enable-force-include-usage", () => {
  const { post } = makeApp({}, { answers: { ...DEFAULT_ANSWER_OPTIONS, forcesUsage: true } });
  const chunks = async (path: string, options: object = {}) =>
    (await readEvents(await post(path, { ...body, stream: true, ...options }))) as Chunk[];

  test.each(ROUTES)("ends every stream from %s with its usage", async (path) => {
    const usage = expect.objectContaining({ completion_tokens: 2 });
    expect((await chunks(path)).at(-2)).toMatchObject({ choices: [], usage });
    const stream_options = { include_usage: false };
    expect((await chunks(path, { stream_options })).at(-2)).toMatchObject({ choices: [], usage });
  });

  test("lets the request choose whether usage is continuous", async () => {
    const [first] = await chunks("/v1/chat/completions");
    expect(first?.usage).toBeUndefined();
    const stream_options = { include_usage: true, continuous_usage_stats: true };
    const [counted] = await chunks("/v1/chat/completions", { stream_options });
    expect(counted?.usage).toMatchObject({ completion_tokens: 0 });
  });

  test("does not change nonstreaming responses", async () => {
    expect((await post("/v1/completions", body)).status).toBe(200);
  });
});

describe("--enable-timings", () => {
  const answers = { ...DEFAULT_ANSWER_OPTIONS, showsTimings: true };
  const timings = {
    ...{ cache_n: 0, prompt_n: expect.any(Number), predicted_n: 2 },
    prompt_ms: expect.any(Number),
    prompt_per_token_ms: expect.any(Number),
    prompt_per_second: expect.any(Number),
    predicted_ms: expect.any(Number),
    predicted_per_token_ms: expect.any(Number),
    predicted_per_second: expect.any(Number),
  };
  const model = { stepDelayMs: 1 };
  const scheduler = { enablePrefixCaching: false };
  const { post } = makeApp({ model, scheduler }, { answers });
  const chunks = async (path: string, options: object) =>
    (await readEvents(await post(path, { ...body, stream: true, ...options }))).slice(0, -1) as {
      timings?: { predicted_n: number };
    }[];

  test.each(ROUTES)("adds timings to responses from %s", async (path) => {
    expect(await (await post(path, body)).json()).toMatchObject({ timings });
  });

  test.each(ROUTES)("adds timings to the last chunk of a stream from %s", async (path) => {
    const plain = await chunks(path, {});
    expect(plain.pop()?.timings).toEqual(timings);
    expect(plain.filter((chunk) => chunk.timings !== undefined)).toEqual([]);
    const counted = await chunks(path, { stream_options: { include_usage: true } });
    expect(counted.pop()).toMatchObject({ choices: [], timings });
    expect(counted.filter((chunk) => chunk.timings !== undefined)).toEqual([]);
  });

  test("counts a prompt once and the tokens of all choices", async () => {
    const answer = await post("/v1/completions", {
      ...body,
      prompt: [[97, 98]],
      n: 3,
      temperature: 1,
    });
    expect(await answer.json()).toMatchObject({ timings: { prompt_n: 2, predicted_n: 6 } });
  });

  test("is not needed by a request that asks for timings in each chunk", async () => {
    const asked = { ...body, stream: true, timings_per_token: true };
    const plain = makeApp({ model });
    const events = await readEvents(await plain.post("/v1/completions", asked));
    const counts = (events.slice(0, -1) as { timings: { predicted_n: number } }[]).map(
      (event) => event.timings.predicted_n,
    );
    expect(counts).toEqual([1, 2]);
    const whole = await plain.post("/v1/completions", body);
    expect(await whole.json()).not.toHaveProperty("timings");
  });
});

describe("--enable-prompt-tokens-details", () => {
  const answers = { ...DEFAULT_ANSWER_OPTIONS, showsNoCachedTokens: true, forcesUsage: true };
  const scheduler = { enablePrefixCaching: false };
  const none = { prompt_tokens_details: { cached_tokens: 0 } };

  test.each(ROUTES)("reports 0 cached tokens in responses from %s", async (path) => {
    const { post } = makeApp({ scheduler }, { answers });
    expect(await (await post(path, body)).json()).toMatchObject({ usage: none });
    const events = await readEvents(await post(path, { ...body, stream: true }));
    expect(events.at(-2)).toMatchObject({ usage: none });
  });

  test.each(ROUTES)("is needed only if a response from %s has 0 cached tokens", async (path) => {
    const { post } = makeApp();
    const long = { messages: [{ role: "user", content: "x".repeat(40) }], prompt: "x".repeat(40) };
    const usage = async () => {
      const answer = await post(path, { ...body, ...long });
      return ((await answer.json()) as { usage: { prompt_tokens_details: unknown } }).usage;
    };
    expect(await usage()).toMatchObject({ prompt_tokens_details: null });
    expect((await usage()).prompt_tokens_details).toMatchObject({
      cached_tokens: expect.any(Number),
    });
  });
});

describe("--return-tokens-as-token-ids", () => {
  const { post } = makeApp({}, { answers: { ...DEFAULT_ANSWER_OPTIONS, namesTokensById: true } });
  const tokens = async (options: object) => {
    const answer = await post("/v1/completions", { ...body, logprobs: 0, ...options });
    const { choices } = (await answer.json()) as { choices: { logprobs: { tokens: string[] } }[] };
    return choices[0]?.logprobs.tokens[0];
  };

  test("names tokens by ID unless a request says otherwise", async () => {
    expect(await tokens({})).toMatch(/^token_id:\d+$/);
    expect(await tokens({ return_tokens_as_token_ids: false })).toMatch(/^[a-z ]$/);
  });
});
