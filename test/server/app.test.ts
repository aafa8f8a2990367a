// Routes beside the completions: models, probes, tokenisers, keys, methods.

import { describe, expect, test } from "bun:test";
import { makeApp } from "../support/fake-engine.ts";

const get = (path: string, init: RequestInit = {}) => new Request(`http://localhost${path}`, init);

describe("app", () => {
  test("lists a card for each served name", async () => {
    const { app } = makeApp({}, { servedModelNames: ["a", "b"] });
    const body = (await (await app.handle(get("/v1/models"))).json()) as {
      data: Record<string, unknown>[];
    };
    expect(body.data.map(({ id }) => id)).toEqual(["a", "b"]);
    expect(body.data[0]).toMatchObject({
      object: "model",
      created: 1_700_000_000,
      owned_by: "vllm",
      root: "tiny.gguf",
      parent: null,
      max_model_len: 1024,
    });
  });

  test("health and ping are empty 200s, 503 while draining", async () => {
    const { app } = makeApp();
    for (const path of ["/health", "/ping"]) {
      const response = await app.handle(get(path));
      expect([response.status, await response.text()]).toEqual([200, ""]);
    }
    expect((await app.handle(get("/ping", { method: "POST" }))).status).toBe(200);
    const draining = makeApp({}, { isDraining: () => true });
    expect((await draining.app.handle(get("/health"))).status).toBe(503);
  });

  test("names vLLM's version", async () => {
    const response = await makeApp().app.handle(get("/version"));
    expect(await response.json()).toEqual({ version: "0.13.0" });
  });

  test("serves the metrics' text under Prometheus' media type", async () => {
    const { app } = makeApp({}, { metricsText: async () => "x 1.0\n" });
    const response = await app.handle(get("/metrics"));
    expect(response.headers.get("content-type")).toBe("text/plain; version=1.0.0; charset=utf-8");
    expect(await response.text()).toBe("x 1.0\n");
  });

  test("unknown routes and wrong methods answer as the framework of vLLM does", async () => {
    const { app } = makeApp();
    const unknown = await app.handle(get("/nope"));
    expect([unknown.status, await unknown.json()]).toEqual([404, { detail: "Not Found" }]);
    const wrong = await app.handle(get("/v1/chat/completions"));
    expect([wrong.status, await wrong.json()]).toEqual([405, { detail: "Method Not Allowed" }]);
    expect(wrong.headers.get("allow")).toBe("POST");
  });

  test("a key guards /v1 and nothing else", async () => {
    const { app } = makeApp({}, { apiKeys: ["one", "two"] });
    const denied = await app.handle(get("/v1/models"));
    expect([denied.status, await denied.json()]).toEqual([401, { error: "Unauthorized" }]);
    for (const [authorization, status] of [
      ["Bearer two", 200],
      ["bearer one", 200],
      ["Bearer three", 401],
      ["Basic one", 401],
    ] as const) {
      const response = await app.handle(get("/v1/models", { headers: { authorization } }));
      expect(response.status).toBe(status);
    }
    expect((await app.handle(get("/health"))).status).toBe(200);
    expect((await app.handle(get("/v1/models", { method: "OPTIONS" }))).status).toBe(200);
  });

  test("tokenises text and chats, and back", async () => {
    const { post } = makeApp();
    const text = await post("/tokenize", { prompt: "Hi", return_token_strs: true });
    expect(await text.json()).toEqual({
      count: 3,
      max_model_len: 1024,
      tokens: [256, 72, 105],
      token_strs: ["<s>", "H", "i"],
    });
    const chat = await post("/tokenize", { messages: [{ role: "user", content: "x" }] });
    expect(((await chat.json()) as { count: number }).count).toBe(20);
    const back = await post("/detokenize", { tokens: [72, 105, 999_999] });
    expect(await back.json()).toEqual({ prompt: "Hi" });
  });
});
