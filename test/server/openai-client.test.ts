// The real OpenAI client over a real socket: streams, the client's error classes, and what the engine does
// when a client disconnects.

import { afterAll, describe, expect, test } from "bun:test";
import OpenAI from "openai";
import { listen } from "../../src/runtime/http-server.ts";
import { DEFAULT_LIMITS } from "../../src/server/server-context.ts";
import { makeApp } from "../support/fake-engine.ts";
import { until } from "../support/waiting.ts";

const parts = makeApp({ model: { stepDelayMs: 5 }, scheduler: { maxNumSeqs: 2 } });
const { engine, runner, scheduler } = parts;
const server = await listen({
  host: "127.0.0.1",
  port: 0,
  maxBodyBytes: DEFAULT_LIMITS.maxBodyBytes,
  fetch: parts.app.fetch,
});
const client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "unused", maxRetries: 0 });
const messages = [{ role: "user" as const, content: "hi" }];

afterAll(async () => {
  await server.stop(true);
  await parts.client.shutdown();
});

/** Waits until the engine is empty. */
async function untilIdle(): Promise<void> {
  await until(() => engine.numLiveSequences === 0);
  expect(scheduler.hasWork).toBe(false);
  expect(scheduler.kvCache.pool.usage).toBe(0);
}

describe("the openai client", () => {
  test("streams a chat", async () => {
    const stream = await client.chat.completions.create({
      model: "tiny",
      messages,
      max_tokens: 5,
      stream: true,
      stream_options: { include_usage: true },
    });
    let text = "";
    let total = 0;
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? "";
      total = chunk.usage?.total_tokens ?? total;
    }
    expect(text).toMatch(/^[a-z ]{5}$/);
    expect(total).toBe(26);
  });

  test("completes a text and lists the models", async () => {
    const completion = await client.completions.create({
      model: "tiny",
      prompt: "x",
      max_tokens: 4,
    });
    expect(completion.choices[0]?.text).toHaveLength(4);
    expect((await client.models.list()).data[0]?.id).toBe("tiny");
  });

  test("throws its own error classes", async () => {
    const failureOf = (options: { model: string; temperature?: number }) =>
      client.chat.completions.create({ messages, ...options }).then(
        () => null,
        (error: unknown) => error,
      );
    expect(await failureOf({ model: "nope" })).toBeInstanceOf(OpenAI.NotFoundError);
    const bad = await failureOf({ model: "tiny", temperature: -1 });
    expect(bad).toBeInstanceOf(OpenAI.BadRequestError);
  });

  test("has its blocks freed when it stops reading a stream", async () => {
    const before = runner.numSteps;
    const stream = await client.chat.completions.create({
      model: "tiny",
      messages,
      max_tokens: 900,
      stream: true,
    });
    for await (const chunk of stream) if (chunk.choices[0]?.delta.content) break;
    await untilIdle();
    // The request stopped before it had generated the 900 tokens that it asked for.
    expect(runner.numSteps - before).toBeLessThan(900);
  });

  test("has its blocks freed when it aborts requests without a stream, running or queued", async () => {
    const abort = new AbortController();
    const requests = Array.from({ length: 4 }, () =>
      client.completions.create(
        { model: "tiny", prompt: "x", max_tokens: 900 },
        { signal: abort.signal },
      ),
    );
    await until(() => engine.numLiveSequences === 4);
    abort.abort();
    const results = await Promise.allSettled(requests);
    expect(results.every(({ status }) => status === "rejected")).toBe(true);
    await untilIdle();
  });

  test("receives a 413 for a body of any size over the limit", async () => {
    for (const numBytes of [9 * 1024 * 1024, 40 * 1024 * 1024]) {
      const response = await fetch(`${server.url}/v1/completions`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: "x".repeat(numBytes),
      });
      expect(response.status).toBe(413);
      expect(await response.json()).toMatchObject({
        error: { type: "RequestEntityTooLargeError" },
      });
    }
  });

  test("a second server on the same port fails with a one-line error", async () => {
    const second = () =>
      listen({ host: "127.0.0.1", port: server.port, maxBodyBytes: 1, fetch: parts.app.fetch });
    await expect(second()).rejects.toThrow(`127.0.0.1:${server.port} is in use`);
  });
});
