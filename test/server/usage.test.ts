// `usage`: number of cached prompt tokens, and the options that include usage in a stream.

import { describe, expect, test } from "bun:test";
import { makeApp, readEvents } from "../support/fake-engine.ts";

const CHAT = "/v1/chat/completions";
const TEXT = "/v1/completions";
/** Two blocks of 16 tokens and a few more, including special tokens. */
const LONG = "x".repeat(40);
const messages = [{ role: "user", content: LONG }];

interface Usage {
  readonly prompt_tokens: number;
  readonly prompt_tokens_details?: { readonly cached_tokens: number } | null;
}
interface Chunk {
  readonly choices: readonly unknown[];
  readonly usage?: Usage | null;
}

const ROUTES: [path: string, body: object, numCached: number][] = [
  [TEXT, { prompt: LONG, max_tokens: 2 }, 32],
  [CHAT, { messages, max_tokens: 2 }, 48],
];

describe.each(ROUTES)("usage in responses from %s", (path, body, numCached) => {
  const app = makeApp({ model: { stepTurns: 3 } });
  const usageOf = async (extra: object = {}) =>
    ((await (await app.post(path, { ...body, ...extra })).json()) as { usage: Usage }).usage;
  const streamOf = async (stream_options: object | undefined) => {
    const response = await app.post(path, { ...body, stream: true, stream_options });
    expect(response.status).toBe(200);
    return (await readEvents(response)).slice(0, -1) as Chunk[];
  };

  test("reports the number of cached tokens, or null if there are none", async () => {
    expect((await usageOf()).prompt_tokens_details).toBeNull();
    expect((await usageOf()).prompt_tokens_details).toEqual({ cached_tokens: numCached });
    expect((await usageOf({ n: 2 })).prompt_tokens_details).toEqual({ cached_tokens: numCached });
  });

  test.each([
    ["an empty object", {}],
    ["only continuous statistics", { continuous_usage_stats: true }],
    ["the usage", { include_usage: true }],
  ])("is at the end of a stream if the options are %s", async (_, options) => {
    const last = (await streamOf(options)).at(-1);
    expect(last?.choices).toEqual([]);
    expect(last?.usage?.prompt_tokens_details).toEqual({ cached_tokens: numCached });
  });

  test.each([
    ["there are no options", undefined],
    ["they are switched off", { include_usage: false }],
    ["they are null", { include_usage: null }],
    [
      "usage is switched off, but continuous usage is on",
      { include_usage: false, continuous_usage_stats: true },
    ],
  ])("is omitted from a stream if %s", async (_, options) => {
    const chunks = await streamOf(options);
    expect(chunks.map(({ usage }) => usage ?? null)).toEqual(chunks.map(() => null));
    expect(chunks.at(-1)?.choices).toHaveLength(1);
  });

  test("is part of every chunk if it is continuous", async () => {
    const chunks = await streamOf({ continuous_usage_stats: true });
    expect(chunks.every(({ usage }) => (usage?.prompt_tokens ?? 0) > 0)).toBe(true);
  });
});

describe("continuous statistics of several choices", () => {
  interface ChoiceChunk {
    readonly choices: readonly { readonly index: number }[];
    readonly usage: { readonly prompt_tokens: number; readonly completion_tokens: number };
  }
  const stream = async (path: string, body: object) => {
    const app = makeApp({ model: { stepTurns: 3 } });
    const options = { stream: true, stream_options: { continuous_usage_stats: true } };
    const response = await app.post(path, { ...body, ...options, max_tokens: 3, ignore_eos: true });
    return (await readEvents(response)).slice(0, -1) as ChoiceChunk[];
  };
  const ofChoice = (chunks: readonly ChoiceChunk[], index: number) =>
    chunks
      .filter(({ choices }) => choices[0]?.index === index)
      .map(({ usage }) => [usage.prompt_tokens, usage.completion_tokens]);

  test("report each choice's prompt and end with the total", async () => {
    const prompt = [
      [1, 2],
      [1, 2, 3, 4],
    ];
    const chunks = await stream(TEXT, { prompt, n: 2 });
    const counts = (numPrompt: number) => [1, 2, 3].map((count) => [numPrompt, count]);
    for (const index of [0, 1]) expect(ofChoice(chunks, index)).toEqual(counts(2));
    for (const index of [2, 3]) expect(ofChoice(chunks, index)).toEqual(counts(4));
    expect(chunks.at(-1)?.usage).toEqual(
      expect.objectContaining({ prompt_tokens: 6, completion_tokens: 12, total_tokens: 18 }),
    );
  });

  test("count a chat's choices the same way", async () => {
    const chunks = await stream(CHAT, { messages, n: 2 });
    for (const index of [0, 1]) {
      expect(ofChoice(chunks, index).map(([, count]) => count)).toEqual([0, 1, 2, 3]);
    }
    expect(chunks.at(-1)?.usage.completion_tokens).toBe(6);
  });
});

test("cached tokens of several prompts are added up", async () => {
  const { post } = makeApp();
  const body = { prompt: [LONG, "y".repeat(40), "z"], max_tokens: 1, n: 2 };
  await post(TEXT, body);
  const { usage } = (await (await post(TEXT, body)).json()) as { usage: Usage };
  expect(usage.prompt_tokens_details).toEqual({ cached_tokens: 64 });
});
