// GET /health/ready: 200 only if a request would be served now.

import { describe, expect, test } from "bun:test";
import { makeApp } from "../support/fake-engine.ts";

function start(...args: Parameters<typeof makeApp>) {
  const parts = makeApp(...args);
  const status = async (path: string, method = "GET") =>
    (await parts.app.handle(new Request(`http://localhost${path}`, { method }))).status;
  return { ...parts, status };
}

describe("GET /health/ready", () => {
  test("returns 200 on an idle server, without a key", async () => {
    const { status } = start({}, { apiKeys: ["k"] });
    expect([await status("/health/ready"), await status("/health/ready", "HEAD")]).toEqual([
      200, 200,
    ]);
  });

  test("returns 503 during a sleep, while /health returns 200", async () => {
    const { engine, status } = start();
    await engine.calls.sleep(0, "abort");
    expect([await status("/health/ready"), await status("/health")]).toEqual([503, 200]);
    await engine.calls.wakeUp(["weights", "kv_cache"]);
    expect(await status("/health/ready")).toBe(200);
  });

  test("returns 503 while the queue is full", async () => {
    const limits = { maxNumQueuedReqs: 1 };
    const { post, status } = start({ model: { stepDelayMs: 1 }, engine: { limits } });
    const answering = post("/v1/completions", { prompt: "x", max_tokens: 30 });
    // The queue has room until the body has been read.
    await Bun.sleep(5);
    expect(await status("/health/ready")).toBe(503);
    await answering;
    expect(await status("/health/ready")).toBe(200);
  });

  test("returns 503 while the server shuts down", async () => {
    expect(await start({}, { isDraining: () => true }).status("/health/ready")).toBe(503);
  });
});
