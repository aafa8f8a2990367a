// Everything except the completion routes: models, probes, tokenization, API keys, HTTP methods.

import { describe, expect, test } from "bun:test";
import { EngineError } from "../../src/errors.ts";
import { makeApp } from "../support/fake-engine.ts";

const get = (path: string, init: RequestInit = {}) => new Request(`http://localhost${path}`, init);

describe("app", () => {
  test("lists a model card for each served name", async () => {
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

  test("/health and /ping return an empty 200, and 503 while the server drains", async () => {
    const { app } = makeApp();
    for (const path of ["/health", "/ping"]) {
      const response = await app.handle(get(path));
      expect([response.status, await response.text()]).toEqual([200, ""]);
    }
    expect((await app.handle(get("/ping", { method: "POST" }))).status).toBe(200);
    const draining = makeApp({}, { isDraining: () => true });
    expect((await draining.app.handle(get("/health"))).status).toBe(503);
  });

  test("reports vLLM's version", async () => {
    const response = await makeApp().app.handle(get("/version"));
    expect(await response.json()).toEqual({ version: "0.13.0" });
  });

  test("serves the metrics with Prometheus's media type", async () => {
    const { app } = makeApp({}, { metricsText: async () => "x 1.0\n" });
    const response = await app.handle(get("/metrics"));
    expect(response.headers.get("content-type")).toBe("text/plain; version=1.0.0; charset=utf-8");
    expect(await response.text()).toBe("x 1.0\n");
  });

  test("returns the same errors as vLLM's framework for unknown routes and wrong methods", async () => {
    const { app } = makeApp();
    const unknown = await app.handle(get("/nope"));
    expect([unknown.status, await unknown.json()]).toEqual([404, { detail: "Not Found" }]);
    const wrong = await app.handle(get("/v1/chat/completions"));
    expect([wrong.status, await wrong.json()]).toEqual([405, { detail: "Method Not Allowed" }]);
    expect(wrong.headers.get("allow")).toBe("POST");
  });

  test("serves routes even if the host name is short", async () => {
    const response = await makeApp().app.handle(new Request("http://a/v1/models"));
    expect(response.status).toBe(200);
  });

  test("allows HEAD only for probes", async () => {
    const { app } = makeApp();
    expect((await app.handle(get("/health", { method: "HEAD" }))).status).toBe(200);
    const models = await app.handle(get("/v1/models", { method: "HEAD" }));
    expect([models.status, models.headers.get("allow")]).toEqual([405, "GET"]);
  });

  test("redirects to the path without the trailing slash and keeps the query", async () => {
    const { app } = makeApp();
    for (const query of ["", "?a=1"]) {
      const { status, headers } = await app.handle(get(`/v1/models/${query}`));
      expect([status, headers.get("location")]).toEqual([307, `/v1/models${query}`]);
    }
  });

  test("lets pages from any origin read every kind of response", async () => {
    const { app } = makeApp({}, { apiKeys: ["one"] });
    for (const path of ["/health", "/nope", "/v1/models", "/version"]) {
      const response = await app.handle(get(path, { headers: { origin: "http://a.example" } }));
      expect(response.headers.get("access-control-allow-origin")).toBe("*");
    }
  });

  test("a draining server rejects new requests and reports when to retry", async () => {
    const { post } = makeApp({}, { isDraining: () => true });
    const response = await post("/v1/completions", { prompt: "x" });
    expect([response.status, response.headers.get("retry-after")]).toEqual([503, "10"]);
    expect(await response.json()).toEqual({
      error: {
        message: "The server is shutting down.",
        type: "ServiceUnavailableError",
        param: null,
        code: 503,
      },
    });
  });

  test("errors say when to retry while the engine is restarting", async () => {
    const { post, client } = makeApp();
    const error = new EngineError("engine_restarting", "Retry later.", { retryAfterS: 7 });
    Object.defineProperty(client, "unavailable", { value: error });
    const response = await post("/v1/completions", { prompt: "x" });
    expect([response.status, response.headers.get("retry-after")]).toEqual([503, "7"]);
  });

  test("when the engine is dead, inference requests and /health return 503, but /metrics and /version still work", async () => {
    const { app, post, scheduler } = makeApp();
    scheduler.schedule = () => {
      throw new Error("broken invariant");
    };
    const last = await post("/v1/completions", { prompt: "x" });
    expect([last.status, last.headers.get("retry-after")]).toEqual([503, "10"]);
    for (const path of ["/v1/completions", "/v1/chat/completions", "/tokenize", "/detokenize"]) {
      const body = { prompt: "x", messages: [{ role: "user", content: "x" }], tokens: [1] };
      expect((await post(path, body)).status).toBe(503);
    }
    expect((await app.handle(get("/health"))).status).toBe(503);
    expect((await app.handle(get("/metrics"))).status).toBe(200);
    expect((await app.handle(get("/version"))).status).toBe(200);
  });

  test("tokenizes text and chats, and detokenizes", async () => {
    const { post } = makeApp();
    const text = await post("/tokenize", { prompt: "Hi", return_token_strs: true });
    expect(await text.json()).toEqual({
      count: 3,
      max_model_len: 1024,
      tokens: [256, 72, 105],
      token_strs: ["<s>", "<0x48>", "<0x69>"],
    });
    const chat = await post("/tokenize", { messages: [{ role: "user", content: "x" }] });
    expect(((await chat.json()) as { count: number }).count).toBe(20);
    const back = await post("/detokenize", { tokens: [72, 105, 999_999] });
    expect(await back.json()).toEqual({ prompt: "Hi" });
  });
});
