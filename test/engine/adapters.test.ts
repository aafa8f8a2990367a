// Requests with LoRA adapters in the engine: their adapter is loaded while other requests run, and
// a request whose adapter cannot be loaded leaves no state behind.

import { describe, expect, test } from "bun:test";
import type { FrontRequest, OutputStream } from "../../src/front/output-stream.ts";
import type { SchedulerStats, StatListener } from "../../src/protocol/stats.ts";
import { DEFAULT_SAMPLING_PARAMS, type SamplingParams } from "../../src/request/sampling-params.ts";
import { makeEngine } from "../support/fake-engine.ts";
import { until } from "../support/waiting.ts";

const adapter = (path: string, key = path) => ({ name: path, key, path });

function request(prompt: string, path?: string, params: Partial<SamplingParams> = {}) {
  return {
    externalId: `cmpl-${prompt}`,
    prompt: Int32Array.from(new TextEncoder().encode(prompt)),
    samplingParams: { ...DEFAULT_SAMPLING_PARAMS, temperature: 0, maxTokens: 6, ...params },
    ...{ mustFit: false, priority: 0, cacheSalt: null, arrivalMs: performance.now() },
    ...(path === undefined ? {} : { adapter: adapter(path) }),
  } satisfies FrontRequest;
}

async function textsOf(stream: OutputStream): Promise<string[]> {
  const texts: string[] = [];
  for await (const { index, text } of stream) texts[index] = (texts[index] ?? "") + text;
  return texts;
}

function setUp(maxLoras = 1, maxLoadedLoras = maxLoras) {
  const stats: SchedulerStats[] = [];
  const listener: StatListener = { record: (scheduler) => stats.push(scheduler) };
  const scheduler = { adapterLimits: { maxLoras, maxLoadedLoras }, blockSize: 4, maxModelLen: 256 };
  const parts = makeEngine({
    scheduler,
    engine: { listeners: [listener] },
    model: { stepTurns: 1 },
  });
  const textOf = async (...args: Parameters<typeof request>) =>
    (await textsOf(parts.engine.generate(request(...args))))[0];
  return { ...parts, stats, textOf };
}

/** Makes loads of a path wait until a test calls resolve(). */
function hold({ runner }: ReturnType<typeof setUp>, path: string): PromiseWithResolvers<void> {
  const end = Promise.withResolvers<void>();
  runner.slowAdapters.set(path, end);
  return end;
}

describe("a request with an adapter", () => {
  test("is computed with its adapter, alongside requests with other adapters and requests without one", async () => {
    const world = setUp(2);
    const { textOf } = world;
    const alone = [await textOf("hello"), await textOf("hello", "/a"), await textOf("hello", "/b")];
    expect(new Set(alone).size).toBe(3);
    const together = [textOf("hello"), textOf("hello", "/a"), textOf("hello", "/b")];
    expect(await Promise.all(together)).toEqual(alone);
    expect(world.runner.loads).toEqual(["/a", "/b"]);
  });

  test("waits for the load while other requests run, and counts as deferred", async () => {
    const world = setUp();
    const { textOf, stats } = world;
    const end = hold(world, "/a");
    const waiting = textOf("hello", "/a");
    await textOf("hello");
    expect(stats.at(-1)).toMatchObject({
      ...{ numRunningReqs: 0, numWaitingReqs: 1, numDeferredReqs: 1 },
      adapters: { running: [], waiting: ["/a"] },
    });
    end.resolve();
    expect(await waiting).toHaveLength(6);
    await until(() => stats.at(-1)?.adapters?.running.length === 0);
    expect(stats.at(-1)).toMatchObject({
      ...{ numWaitingReqs: 0, numDeferredReqs: 0, adapters: { running: [], waiting: [] } },
    });
  });

  test("hits only blocks from its own adapter and load, except before the invocation tokens", async () => {
    const { engine } = setUp(1, 3);
    const numCached = async (name: string, path?: string) => {
      const prompt = `${"a".repeat(8)}<>${"b".repeat(10)}`;
      const ref = path === undefined ? {} : { adapter: adapter(path, name) };
      let cached = -1;
      for await (const output of engine.generate({ ...request(prompt), ...ref })) {
        cached = output.numCachedTokens;
      }
      return cached;
    };
    expect(await numCached("base")).toBe(0);
    expect(await numCached("base")).toBe(16);
    expect(await numCached("a", "/a")).toBe(0);
    expect(await numCached("a", "/a")).toBe(16);
    expect(await numCached("a\x002", "/a")).toBe(0);
    expect(await numCached("alora", "/alora:<>")).toBe(8);
    expect(await numCached("other", "/alora:absent")).toBe(16);
  });

  test.each(["/bad", "/missing"])("ends with an error if it cannot be loaded: %s", async (path) => {
    const { textOf, scheduler, client } = setUp();
    await expect(textOf("hello", path)).rejects.toMatchObject({
      code: "engine_adapter_failed",
      message: "The request's adapter cannot be loaded.",
    });
    expect(await textOf("hello")).toHaveLength(6);
    expect(scheduler.takeStats()).toMatchObject({
      numWaitingReqs: 0,
      adapters: { running: [], waiting: [] },
    });
    expect(client.unavailable).toBeNull();
  });

  test("can be aborted while its adapter is loaded", async () => {
    const world = setUp();
    const end = hold(world, "/a");
    const stream = world.engine.generate(request("hello", "/a"));
    await until(() => world.runner.loads.length > 0);
    stream.abort();
    expect(await textsOf(stream)).toEqual([""]);
    end.resolve();
    expect(await world.textOf("hello", "/a")).toHaveLength(6);
    expect(world.runner.loads).toEqual(["/a"]);
  });

  test("yields n sequences and prompt log-probabilities", async () => {
    const { engine } = setUp();
    const params = { n: 3, temperature: 1, seed: 1n, promptLogprobs: 1 };
    const texts = await textsOf(engine.generate(request("hello", "/a", params)));
    expect(texts.map((text) => text.length)).toEqual([6, 6, 6]);
  });

  test("keeps its adapter through a sleep", async () => {
    const { client, runner, textOf } = setUp();
    const before = await textOf("hello", "/a");
    await client.calls.sleep(2, "wait");
    const waiting = textOf("hello", "/a");
    await client.calls.wakeUp(["weights", "kv_cache"]);
    expect(await waiting).toBe(before);
    expect(runner.loads).toEqual(["/a"]);
  });
});

describe("loadAdapter()", () => {
  test("loads an adapter ahead of requests, even while the engine sleeps", async () => {
    const { client, runner, textOf } = setUp();
    await client.calls.sleep(1, "abort");
    await client.calls.loadAdapter(adapter("/a"));
    await client.calls.loadAdapter(adapter("/a"));
    expect([...runner.adapters]).toEqual([[0, "/a"]]);
    await client.calls.wakeUp(["weights", "kv_cache"]);
    await textOf("hello", "/a");
    expect(runner.loads).toEqual(["/a"]);
  });

  test("says why an adapter cannot be loaded, in vLLM's wording", async () => {
    const { calls } = setUp().client;
    await expect(calls.loadAdapter(adapter("/missing"))).rejects.toMatchObject({
      ...{ name: "RequestError", code: "adapter_not_found" },
      message: "Loading lora /missing failed: No adapter found for /missing",
    });
    await expect(calls.loadAdapter(adapter("/bad"))).rejects.toMatchObject({
      ...{ name: "RequestError", code: "adapter_refused" },
      message: "Loading lora /bad failed: rank 512 exceeds 16",
    });
  });

  test("checks an adapter at once while a running request uses the only turn", async () => {
    const { client, engine, runner } = setUp();
    const running = engine.generate(request("hello", "/a", { maxTokens: 200 }));
    await running[Symbol.asyncIterator]().next();
    await client.calls.loadAdapter(adapter("/b"));
    await until(() => runner.adapters.size === 1);
    expect([...runner.adapters]).toEqual([[0, "/a"]]);
    expect(engine.numLiveSequences).toBe(1);
    running.abort();
  });

  test("is refused after a shutdown", async () => {
    const world = setUp();
    const end = hold(world, "/a");
    const loading = world.client.calls.loadAdapter(adapter("/a"));
    const refusal = loading.catch((error: unknown) => error);
    await until(() => world.runner.loads.length > 0);
    const stopped = world.client.shutdown();
    expect(await refusal).toMatchObject({ code: "engine_shutdown" });
    end.resolve();
    await stopped;
    expect(world.runner.isDisposed).toBe(true);
  });
});

describe("removeAdapter()", () => {
  test("unloads an adapter when its last request has ended", async () => {
    const { client, engine, runner } = setUp();
    const stream = engine.generate(request("hello", "/a"));
    const outputs = stream[Symbol.asyncIterator]();
    await outputs.next();
    await client.calls.removeAdapter("/a");
    expect(runner.adapters.size).toBe(1);
    for (let next = await outputs.next(); next.done !== true; ) next = await outputs.next();
    await until(() => runner.adapters.size === 0);
  });

  test("ignores an adapter that is not loaded", async () => {
    const { client, textOf } = setUp();
    await client.calls.removeAdapter("/a");
    expect(await textOf("hello", "/a")).toHaveLength(6);
  });

  test("leaves nothing behind after a thousand loads", async () => {
    const { client, runner } = setUp(2);
    for (let i = 0; i < 1000; i++) {
      await client.calls.loadAdapter(adapter(`/${i}`));
      await client.calls.removeAdapter(`/${i}`);
    }
    await until(() => runner.adapters.size === 0);
    expect(runner.loads).toHaveLength(1000);
  });
});
