// /pause, /resume, /is_paused, /abort_requests and /server_info against the complete engine with the fake
// model.

import { describe, expect, test } from "bun:test";
import { makeApp } from "../support/fake-engine.ts";
import { settled, until } from "../support/waiting.ts";

function start() {
  const parts = makeApp({ model: { stepDelayMs: 1 } }, { isDevMode: true });
  const call = (method: string, path: string) =>
    parts.app.handle(new Request(`http://localhost${path}`, { method }));
  const json = async (method: string, path: string) => (await call(method, path)).json();
  const complete = (max_tokens: number, request_id = "r") =>
    parts.post("/v1/completions", { prompt: "x", max_tokens, request_id });
  const finishReason = async (answer: Response | Promise<Response>) =>
    ((await (await answer).json()) as { choices: { finish_reason: string }[] }).choices[0]
      ?.finish_reason;
  const running = (count: number) =>
    until(() => parts.scheduler.takeStats().numRunningReqs === count);
  return { ...parts, call, json, complete, finishReason, running };
}

describe("POST /pause", () => {
  test("ends requests in progress and makes later ones wait for /resume", async () => {
    const { json, complete, finishReason, running } = start();
    const ended = complete(900);
    await running(1);
    expect(await json("POST", "/pause")).toEqual({ status: "paused" });
    expect(await finishReason(ended)).toBe("abort");
    expect(await json("GET", "/is_paused")).toEqual({ is_paused: true });
    const waiting = complete(3);
    let hasEnded = false;
    void waiting.then(() => {
      hasEnded = true;
    });
    await settled();
    expect(hasEnded).toBe(false);
    expect(await json("POST", "/resume")).toEqual({ status: "resumed" });
    expect(await finishReason(waiting)).toBe("length");
    expect(await json("GET", "/is_paused")).toEqual({ is_paused: false });
  });

  test("lets requests in progress finish first with wait_for_inflight_requests", async () => {
    const { json, complete, finishReason, running } = start();
    const finished = complete(20);
    await running(1);
    await json("POST", "/pause?wait_for_inflight_requests=true");
    expect(await finishReason(finished)).toBe("length");
  });

  test("clears the prefix cache unless clear_cache is false", async () => {
    const { json, post } = start();
    const numCached = async () => {
      const answer = await post("/v1/completions", { prompt: "y".repeat(64), max_tokens: 1 });
      const { usage } = (await answer.json()) as {
        usage: { prompt_tokens_details: { cached_tokens: number } | null };
      };
      return usage.prompt_tokens_details?.cached_tokens ?? 0;
    };
    await numCached();
    await json("POST", "/pause?clear_cache=false");
    await json("POST", "/resume");
    expect(await numCached()).toBe(64);
    await json("POST", "/pause");
    await json("POST", "/resume");
    expect(await numCached()).toBe(0);
  });

  test("refuses a flag that is neither true nor false", async () => {
    expect((await start().call("POST", "/pause?clear_cache=maybe")).status).toBe(400);
  });
});

describe("POST /abort_requests", () => {
  test("ends the named requests and ignores unknown IDs", async () => {
    const { post, complete, finishReason, running } = start();
    const [ended, finished] = [complete(900, "one"), complete(30, "two")];
    await running(2);
    const answer = await post("/abort_requests", { request_ids: ["cmpl-one", "cmpl-three"] });
    expect([answer.status, await answer.text()]).toEqual([200, ""]);
    expect(await Promise.all([finishReason(ended), finishReason(finished)])).toEqual([
      "abort",
      "length",
    ]);
  });

  test("refuses a body without IDs", async () => {
    expect((await start().post("/abort_requests", {})).status).toBe(400);
  });
});

describe("GET /server_info", () => {
  test("reports the configuration as text or JSON", async () => {
    const { json, call } = start();
    expect(await json("GET", "/server_info?config_format=json")).toMatchObject({
      vllm_config: {
        model_config: { model: "tiny.gguf", served_model_name: ["tiny"], max_model_len: 1024 },
        cache_config: { block_size: 16, enable_prefix_caching: true },
      },
    });
    expect(await json("GET", "/server_info")).toMatchObject({
      vllm_config: expect.stringContaining('model="tiny.gguf", served_model_name=["tiny"]'),
    });
    expect((await call("GET", "/server_info?config_format=xml")).status).toBe(400);
  });
});
