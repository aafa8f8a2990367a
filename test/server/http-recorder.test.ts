// The http_* metric families: every response is recorded once, when it ends, under its route.

import { describe, expect, test } from "bun:test";
import type { HttpRecord } from "../../src/metrics/family.ts";
import { makeApp } from "../support/fake-engine.ts";
import { turn, until } from "../support/waiting.ts";

function start(model = {}) {
  const records: HttpRecord[] = [];
  const parts = makeApp({ model }, { recordHttp: (record) => records.push(record) });
  const call = (method: string, path: string) =>
    parts.app.handle(new Request(`http://localhost${path}`, { method }));
  return { ...parts, records, call };
}

describe("the http_* metrics", () => {
  test("record the route, method, status, and both sizes of a response that is not streamed", async () => {
    const { post, records } = start();
    const body = JSON.stringify({ prompt: "hello", max_tokens: 2 });
    const length = String(body.length);
    const response = await post("/v1/completions", body, { "content-length": length });
    const responseBytes = (await response.arrayBuffer()).byteLength;
    expect(records).toEqual([
      {
        handler: "/v1/completions",
        method: "POST",
        status: 200,
        durationS: expect.any(Number),
        requestBytes: body.length,
        responseBytes,
      },
    ]);
    expect(response.headers.get("content-length")).toBe(String(responseBytes));
  });

  test("record a stream after its last event, without a size", async () => {
    const { post, records } = start();
    const response = await post("/v1/completions", { prompt: "hello", stream: true });
    expect(records).toEqual([]);
    await response.text();
    await turn();
    expect(records).toMatchObject([{ handler: "/v1/completions", status: 200, responseBytes: 0 }]);
  });

  test("record a stream once if its reader disconnects", async () => {
    const { post, records } = start({ stepTurns: 3 });
    const response = await post("/v1/completions", {
      prompt: "hello",
      stream: true,
      max_tokens: 400,
    });
    const reader = response.body?.getReader();
    await reader?.read();
    await reader?.cancel();
    await turn();
    expect(records.length).toBe(1);
  });

  test('record errors under their route, and unknown paths under "none"', async () => {
    const { call, post, records } = start();
    await post("/v1/completions", "{");
    await call("GET", "/v1/completions");
    await call("GET", "/nope?x=/v1/models");
    await call("GET", "/v1/models");
    expect(records.map(({ handler, method, status }) => [handler, method, status])).toEqual([
      ["/v1/completions", "POST", 400],
      ["/v1/completions", "GET", 405],
      ["none", "GET", 404],
      ["/v1/models", "GET", 200],
    ]);
  });

  test("exclude probes, scrapes, and paths below these", async () => {
    const { call, records } = start();
    for (const path of [
      "/health",
      "/ping",
      "/version",
      "/metrics",
      "/metrics/",
      "/metrics/x",
      "/load/x",
    ]) {
      await call("GET", path);
    }
    expect(records).toEqual([]);
  });
});

describe("the load header", () => {
  test.each([
    ["TEXT", "TEXT named_metrics.kv_cache_usage_perc=0.0, named_metrics.num_requests_waiting=0.0"],
    ["json", 'JSON {"named_metrics": {"kv_cache_usage_perc": 0.0, "num_requests_waiting": 0.0}}'],
  ])("is sent on request, with and without a stream, as %s", async (format, value) => {
    const { post } = start();
    for (const stream of [false, true]) {
      const headers = { "endpoint-load-metrics-format": format };
      const response = await post("/v1/completions", { prompt: "x", stream }, headers);
      await response.text();
      // A streamed request might already have its own block.
      const header = response.headers.get("endpoint-load-metrics")?.replace("0.0078125", "0.0");
      expect(header).toBe(value);
    }
  });

  test("reports the KV cache usage and queue length at the engine's last step", async () => {
    const { post, engine } = start({ stepTurns: 3 });
    const running = post("/v1/completions", { prompt: "hello", max_tokens: 200 });
    await until(() => engine.load.kvCacheUsage > 0);
    const headers = { "endpoint-load-metrics-format": "JSON" };
    const response = await post("/v1/completions", { prompt: "x", max_tokens: 1 }, headers);
    const text = response.headers.get("endpoint-load-metrics")?.slice("JSON ".length) ?? "";
    const { named_metrics: load } = JSON.parse(text);
    expect(load.kv_cache_usage_perc).toBeGreaterThan(0);
    expect(load.kv_cache_usage_perc).toBeLessThan(1);
    await running;
  });

  test("is absent unless requested in a known format", async () => {
    const { post } = start();
    for (const headers of [{}, { "endpoint-load-metrics-format": "BIN" }]) {
      const response = await post("/v1/completions", { prompt: "x" }, headers);
      expect(response.headers.has("endpoint-load-metrics")).toBe(false);
    }
  });
});
