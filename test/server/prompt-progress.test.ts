// `return_progress` in streams: llama-server's `prompt_progress`, in one chunk per step until the first
// token.

import { describe, expect, test } from "bun:test";
import { makeApp, readEvents } from "../support/fake-engine.ts";

interface Chunk {
  readonly choices: { index: number; text?: string; delta?: { content?: string } }[];
  readonly prompt_progress?: object;
}

// Steps of 50 tokens.
const options = {
  model: { stepDelayMs: 1 },
  scheduler: { maxNumBatchedTokens: 50, enablePrefixCaching: false },
};
const { post } = makeApp(options);

async function progressOf(path: string, body: object) {
  const asked = { max_tokens: 3, stream: true, return_progress: true, ...body };
  const events = (await readEvents(await post(path, asked))).slice(0, -1) as Chunk[];
  return events.flatMap(({ prompt_progress: progress }) => (progress ? [progress] : []));
}

const at = (total: number, ...processed: number[]) =>
  processed.map((count) => ({ total, cache: 0, processed: count, time_ms: expect.any(Number) }));

describe("return_progress", () => {
  test("reports each step of a completion's prompt until the whole prompt has been processed", async () => {
    const prompt = Array(120).fill(97);
    expect(await progressOf("/v1/completions", { prompt })).toEqual(at(120, 50, 100, 120));
  });

  test("reports each step of a chat's prompt", async () => {
    const messages = [{ role: "user", content: "x".repeat(101) }];
    expect(await progressOf("/v1/chat/completions", { messages })).toEqual(at(120, 50, 100, 120));
  });

  test("sends its events before the text, which does not change", async () => {
    const body = { prompt: Array(120).fill(97), max_tokens: 3, temperature: 0, stream: true };
    const textOf = (chunks: Chunk[]) =>
      chunks.map(({ choices }) => choices[0]?.text ?? "").join("");
    const read = async (more: object) =>
      (await readEvents(await post("/v1/completions", { ...body, ...more }))).slice(
        0,
        -1,
      ) as Chunk[];
    const reported = await read({ return_progress: true });
    expect(reported.map((chunk) => chunk.prompt_progress !== undefined)).toEqual([
      ...[true, true, true],
      ...[false, false, false],
    ]);
    expect(textOf(reported)).toBe(textOf(await read({})));
  });

  test("counts tokens found in the prefix cache as processed", async () => {
    const cached = makeApp({ model: { stepDelayMs: 1 }, scheduler: { maxNumBatchedTokens: 50 } });
    const body = { prompt: Array(120).fill(97), max_tokens: 1 };
    await cached.post("/v1/completions", body);
    const asked = { ...body, prompt: [...body.prompt, 98], stream: true, return_progress: true };
    const [first] = (await readEvents(await cached.post("/v1/completions", asked))) as Chunk[];
    expect(first?.prompt_progress).toMatchObject({ total: 121, cache: 112, processed: 121 });
  });

  test("reports a prompt once for several choices", async () => {
    const progress = await progressOf("/v1/completions", {
      prompt: [97, 98],
      n: 3,
      temperature: 1,
    });
    expect(progress.length).toBeLessThanOrEqual(3);
    expect(progress[0]).toMatchObject({ total: 2, processed: 2 });
  });

  test("reports nothing if it is not set or the response is not streamed", async () => {
    const prompt = Array(120).fill(97);
    expect(await progressOf("/v1/completions", { prompt, return_progress: false })).toEqual([]);
    const whole = await post("/v1/completions", { prompt, return_progress: true, max_tokens: 1 });
    expect(await whole.json()).not.toHaveProperty("prompt_progress");
  });
});
