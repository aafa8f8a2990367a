// Routes of other servers: an error in OpenAI's shape that says what to use instead, behind the API key,
// without a metric label for each.

import { describe, expect, test } from "bun:test";
import type { HttpRecord } from "../../src/metrics/family.ts";
import { makeApp } from "../support/fake-engine.ts";

const ABSENT: [method: string, path: string, advice: string][] = [
  ["POST", "/v1/embeddings", "Embeddings API: embeddings are not built yet."],
  ["POST", "/v1/embeddings/", "Embeddings API: embeddings are not built yet."],
  ["POST", "/pooling", "not built yet"],
  ["POST", "/score", "Scores, ranks and classes are not built yet."],
  ["POST", "/v2/rerank", "Scores, ranks and classes are not built yet."],
  ["POST", "/classify", "Scores, ranks and classes are not built yet."],
  ["POST", "/v1/responses", "use POST /v1/chat/completions"],
  ["GET", "/v1/responses/resp_1", "use POST /v1/chat/completions"],
  ["POST", "/v1/messages", "use POST /v1/chat/completions"],
  ["POST", "/v1/messages/count_tokens", "use POST /v1/chat/completions"],
  ["POST", "/v1/audio/transcriptions", "Images, audio and video are not built yet."],
  ["POST", "/v1/images/generations", "Images, audio and video are not built yet."],
  ["POST", "/v1/moderations", "no moderation model"],
  ["POST", "/v1/load_lora_adapter", "LoRA is not built yet"],
  ["GET", "/v1/models/tiny", "GET /v1/models tells which model is served"],
  ["GET", "/v1/models/org/tiny", "GET /v1/models tells which model is served"],
  ["POST", "/reset_mm_cache", "It is not built yet. Operator's routes are"],
  ["POST", "/abort_requests", "Close the connection"],
  ["GET", "/v1/metrics", "It is there without /v1 before it."],
  ["POST", "/v1/tokenize", "POST /tokenize"],
  ["POST", "/v1/chat/completions/render", "POST /tokenize renders `messages`"],
  ["POST", "/v1/chat/completions/batch", "Send each chat by itself"],
  ["POST", "/openai/deployments/x/chat/completions", "base URL ends in /v1."],
  ["GET", "/health/live", "GET /health is for probes."],
  ["GET", "/api/tags", "GET /v1/models tells which model is served"],
  ["POST", "/api/chat", "This is not Ollama's API."],
  ["POST", "/api/generate", "This is not Ollama's API."],
  ["POST", "/completion", "Use POST /v1/completions"],
  ["POST", "/chat/completions", "A base URL without /v1"],
  ["POST", "/v1/v1/chat/completions", "A base URL with /v1 twice"],
  ["POST", "//v1/chat/completions", "A base URL that ends in a slash"],
  ["POST", "/v1//chat/completions", "A base URL that ends in a slash"],
  ["GET", "/props", "GET /metrics tells how the server is used"],
  ["GET", "/slots", "GET /metrics tells how the server is used"],
  ["GET", "/v1/files", "Nothing is stored here"],
  ["GET", "/v1/files/f/content", "Nothing is stored here"],
  ["GET", "/v1/chat/completions/chatcmpl-1", "Nothing is stored here"],
  ["GET", "/docs", "GET / lists the routes."],
  ["GET", "/v1", "It is the base URL of OpenAI clients"],
  ["GET", "/v1/", "It is the base URL of OpenAI clients"],
];

describe("a route of another server", () => {
  const records: HttpRecord[] = [];
  const { app } = makeApp({}, { recordHttp: (record) => records.push(record) });

  test.each(ABSENT)("%s %s", async (method, path, advice) => {
    const response = await app.handle(new Request(`http://localhost${path}`, { method }));
    expect(response.status).toBe(404);
    const { error } = (await response.json()) as { error: { message: string } };
    expect(error).toMatchObject({ type: "NotFoundError", param: null, code: 404 });
    expect(error.message).toStartWith(`${path.replace(/\/$/, "")} is not served here. `);
    expect(error.message).toContain(advice);
    expect(records.at(-1)).toMatchObject({ handler: "none", status: 404 });
  });

  test.each([
    "/nothing",
    "/v2",
    "/v1/nothing-here",
    "/v1/embeddingsx",
    "/apix",
    "/v1/modelsx",
    "/modelsx",
    "/v1x/files",
  ])("is none that nobody would expect: %s", async (path) => {
    const response = await app.handle(new Request(`http://localhost${path}`));
    expect([response.status, await response.json()]).toEqual([404, { detail: "Not Found" }]);
  });

  test("truncates a long path", async () => {
    const response = await app.handle(new Request(`http://localhost/api/${"x".repeat(9000)}`));
    const text = await response.text();
    expect(text.length).toBeLessThan(500);
    expect(text).toContain(`/api/${"x".repeat(95)} is not served here.`);
  });

  test("reveals nothing without a key", async () => {
    const guarded = makeApp({}, { apiKeys: ["k"] });
    for (const [method, path] of ABSENT) {
      const response = await guarded.app.handle(new Request(`http://localhost${path}`, { method }));
      expect([path, response.status]).toEqual([path, 401]);
    }
  });
});
