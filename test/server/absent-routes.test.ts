// Other servers' routes: the error, in OpenAI's format, says what to use instead, is shown only to clients
// with the API key, and adds no metric label for the path.

import { describe, expect, test } from "bun:test";
import type { HttpRecord } from "../../src/metrics/family.ts";
import { makeApp } from "../support/fake-engine.ts";

const ABSENT: [method: string, path: string, advice: string][] = [
  ["POST", "/v1/embeddings", "Embeddings API: embeddings are not supported yet."],
  ["POST", "/v1/embeddings/", "Embeddings API: embeddings are not supported yet."],
  ["POST", "/pooling", "not supported yet"],
  ["POST", "/score", "Scoring, reranking and classification are not supported yet."],
  ["POST", "/v2/rerank", "Scoring, reranking and classification are not supported yet."],
  ["POST", "/classify", "Scoring, reranking and classification are not supported yet."],
  ["POST", "/v1/responses/compact", "set `truncation`"],
  ["POST", "/v1/responses/resp_1/compact", "input_tokens of the Responses API"],
  ["POST", "/v1/audio/transcriptions", "Images, audio and video are not supported yet."],
  ["POST", "/v1/images/generations", "Images, audio and video are not supported yet."],
  ["POST", "/v1/moderations", "no moderation model"],
  ["POST", "/v1/load_lora_adapter", "Start the server with --enable-lora and"],
  ["GET", "/lora-adapters", "GET /v1/models lists the adapters"],
  ["GET", "/models/tiny", "GET /v1/models reports the model"],
  ["POST", "/reset_mm_cache", "This operation is not supported yet. With --server-dev-mode"],
  ["POST", "/abort_request", "Close the connection"],
  ["GET", "/v1/metrics", "Request this path without /v1."],
  ["POST", "/v1/tokenize", "POST /tokenize"],
  ["POST", "/v1/chat/completions/render", "POST /tokenize renders `messages`"],
  ["POST", "/v1/chat/completions/batch", "Send each chat separately"],
  ["POST", "/openai/deployments/x/chat/completions", "must end in /v1."],
  ["GET", "/health/live", "Use GET /health for probes."],
  ["GET", "/api/tags", "GET /v1/models reports the model"],
  ["POST", "/api/chat", "This is not Ollama's API."],
  ["POST", "/api/generate", "This is not Ollama's API."],
  ["POST", "/completion", "Use POST /v1/completions"],
  ["POST", "/chat/completions", "The client's base URL lacks /v1"],
  ["POST", "/v1/v1/chat/completions", "The path contains /v1 twice"],
  ["POST", "//v1/chat/completions", "The path contains a double slash"],
  ["POST", "/v1//chat/completions", "The path contains a double slash"],
  ["GET", "/props", "GET /metrics reports the server's load"],
  ["GET", "/slots", "GET /metrics reports the server's load"],
  ["GET", "/v1/files", "This server does not store files"],
  ["GET", "/v1/files/f/content", "This server does not store files"],
  ["GET", "/v1/chat/completions/chatcmpl-1", "This server does not store files"],
  ["GET", "/redoc", "GET /docs shows every route"],
  ["GET", "/v1", "This is the base URL for OpenAI clients"],
  ["GET", "/v1/", "This is the base URL for OpenAI clients"],
];

describe("another server's route", () => {
  const records: HttpRecord[] = [];
  const { app } = makeApp({}, { recordHttp: (record) => records.push(record) });

  test.each(ABSENT)("%s %s", async (method, path, advice) => {
    const response = await app.handle(new Request(`http://localhost${path}`, { method }));
    expect(response.status).toBe(404);
    const { error } = (await response.json()) as { error: { message: string } };
    expect(error).toMatchObject({ type: "NotFoundError", param: null, code: 404 });
    expect(error.message).toStartWith(`${path.replace(/\/$/, "")} does not exist on this server. `);
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
  ])("gets no hint if Pagoda does not recognize the route: %s", async (path) => {
    const response = await app.handle(new Request(`http://localhost${path}`));
    expect([response.status, await response.json()]).toEqual([404, { detail: "Not Found" }]);
  });

  test("is truncated in the error if its path is long", async () => {
    const response = await app.handle(new Request(`http://localhost/api/${"x".repeat(9000)}`));
    const text = await response.text();
    expect(text.length).toBeLessThan(500);
    expect(text).toContain(`/api/${"x".repeat(95)} does not exist on this server.`);
  });

  test("reveals no hint to clients without a key", async () => {
    const guarded = makeApp({}, { apiKeys: ["k"] });
    for (const [method, path] of ABSENT) {
      const response = await guarded.app.handle(new Request(`http://localhost${path}`, { method }));
      expect([path, response.status]).toEqual([path, 401]);
    }
  });
});
