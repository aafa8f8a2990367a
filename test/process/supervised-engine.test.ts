// An engine in its own process (with the fake model) that crashes, hangs, or gets no replies, as seen by the
// front and its callers.

import { afterEach, describe, expect, test } from "bun:test";
import { errorBody } from "../../src/api/error-body.ts";
import { ConfigError } from "../../src/errors.ts";
import { Front } from "../../src/front/front.ts";
import { Metrics } from "../../src/metrics/metrics.ts";
import type { EngineProcess } from "../../src/process/engine-life.ts";
import { SupervisedEngine } from "../../src/process/supervised-engine.ts";
import { startChild } from "../../src/runtime/child-process.ts";
import { INFO } from "../metrics/fixtures.ts";
import { engineRequest, OutputLog } from "../support/engine-client.conformance.ts";
import { FAKE_CHILD, type FakeBehavior, fakeConfig } from "../support/fake-engine-child.ts";
import { isAlive } from "../support/processes.ts";
import { seriesOf } from "../support/server-process.ts";

interface Supervision {
  readonly maxDeaths?: number;
  readonly stepTimeoutMs?: number;
  readonly startProcess?: () => EngineProcess;
}

const opened: SupervisedEngine[] = [];
const logged: string[] = [];

async function open(behavior: FakeBehavior = {}, supervision: Supervision = {}) {
  logged.length = 0;
  const engine = await SupervisedEngine.start({
    config: fakeConfig(behavior),
    host: { onLoadProgress: () => {}, log: (line) => logged.push(line) },
    startProcess: () => startChild(FAKE_CHILD),
    ...{ maxDeaths: null, stepTimeoutMs: null, ...supervision },
  });
  opened.push(engine);
  return engine;
}

const restarted = (engine: SupervisedEngine) =>
  new Promise<void>((resolve) => {
    engine.onRestart(resolve);
  });

const refusal = (answer: Promise<unknown>) =>
  answer.then(
    () => "taken",
    ({ message }: Error) => message,
  );

/** Long enough to still be in progress at each crash or stop. */
const LONG = { maxTokens: 900 };

afterEach(async () => {
  for (const engine of opened.splice(0)) await engine.shutdown();
});

describe("an engine that crashes", () => {
  test("fails each request in progress once, and restarts", async () => {
    const engine = await open();
    const log = new OutputLog(engine);
    const back = restarted(engine);
    engine.add(engineRequest("a", "hello", LONG));
    engine.add(engineRequest("b", "world", LONG));
    await log.until(() => log.of("b").length > 0);
    const pid = engine.pid;
    const call = engine.calls.encode("x".repeat(1_000_000), false).catch((error: Error) => error);
    process.kill(pid, "SIGSEGV");
    const ends = [...(await log.end("a")), ...(await log.end("b"))].filter((o) => o.finishReason);
    expect(ends.map(({ finishReason }) => finishReason)).toEqual(["error", "error"]);
    expect(ends.map(({ numPromptTokens }) => numPromptTokens)).toEqual([5, 5]);
    expect(engine.unavailable).toMatchObject({ code: "engine_restarting", retryAfterS: 1 });
    expect(await refusal(engine.add(engineRequest("c", "early")))).toContain("is restarting");
    expect(await call).toMatchObject({ code: "engine_dead" });
    await back;
    expect(engine.unavailable).toBeNull();
    expect(engine.pid).not.toBe(pid);
    expect(isAlive(pid)).toBe(false);
    engine.add(engineRequest("c", "hello"));
    expect((await log.end("c")).at(-1)?.finishReason).toBe("length");
    expect([...log.of("a"), ...log.of("b")].filter((o) => o.finishReason)).toHaveLength(2);
    expect(logged[0]).toMatch(
      /^the engine crashed \(SIGSEGV\), in progress: cmpl-a, cmpl-b, encode; restarting now$/,
    );
    expect(logged[1]).toMatch(/^the engine is back after \d+\.\d s$/);
  });

  test("fails waiting callers with the same error type as a failed step", async () => {
    const engine = await open();
    const front = new Front(engine);
    const request = { ...engineRequest("", "hello", LONG), arrivalMs: front.nowMs() };
    const reading = front.generate(request)[Symbol.asyncIterator]();
    await reading.next();
    process.kill(engine.pid, "SIGKILL");
    const failure = async () => {
      while ((await reading.next()).done !== true);
    };
    const error = await failure().catch((cause: unknown) => cause);
    expect(errorBody(error)).toEqual({
      error: {
        message: "The engine crashed while this request was in progress. Retry later.",
        type: "InternalServerError",
        param: null,
        code: 500,
      },
    });
  });

  test("keeps the /metrics counters, resets the gauges to 0, and reports the engine as awake", async () => {
    const engine = await open();
    const metrics = new Metrics({
      ...{ info: INFO, modelName: "tiny", showHiddenFor: null, createdSeries: false },
      features: new Set(["log-stats", "sleep-mode"] as const),
      isEngineUp: () => engine.unavailable === null,
      ...{ processStats: () => null, nowS: () => 0 },
    });
    let notify = () => {};
    const listener = {
      record: (...step: Parameters<Metrics["record"]>) => {
        metrics.record(...step);
        notify();
      },
      recordSleep: (record: Parameters<Metrics["recordSleep"]>[0]) => metrics.recordSleep(record),
      recordRestart: () => metrics.recordRestart(),
    };
    const front = new Front(engine, { listeners: [listener] });
    const request = { ...engineRequest("", "hello", LONG), arrivalMs: front.nowMs() };
    const reading = Array.fromAsync(front.generate(request)).catch((error: Error) => error);
    await new Promise<void>((resolve) => {
      notify = resolve;
    });
    await front.calls.sleep(1, "keep");
    const before = seriesOf(await metrics.text());
    const { pid } = engine;
    process.kill(pid, "SIGKILL");
    expect(await reading).toMatchObject({ code: "engine_step_failed" });
    expect(seriesOf(await metrics.text()).get("pagoda_engine_up{}")).toBe(0);
    while (engine.pid === pid || engine.unavailable !== null) await Bun.sleep(5);
    const after = seriesOf(await metrics.text());
    const counters = [...before].filter(([name]) => /_(total|count|sum|bucket)\{/.test(name));
    for (const [name, value] of counters) expect(after.get(name)).toBeGreaterThanOrEqual(value);
    expect(after.get('vllm:request_success_total{finished_reason="error"}')).toBe(1);
    expect(after.get("vllm:num_requests_running{}")).toBe(0);
    expect(after.get("vllm:num_requests_waiting{}")).toBe(0);
    expect(after.get("vllm:kv_cache_usage_perc{}")).toBe(0);
    expect(before.get('vllm:engine_sleep_state{sleep_state="awake"}')).toBe(0);
    expect(after.get('vllm:engine_sleep_state{sleep_state="awake"}')).toBe(1);
    for (const page of [before, after]) expect(page.get("pagoda_engine_up{}")).toBe(1);
    expect(before.get("pagoda_engine_restarts_total{}")).toBe(0);
    expect(after.get("pagoda_engine_restarts_total{}")).toBe(1);
    expect(front.numLiveSequences).toBe(0);
  });

  test("rejects a request that was in progress at two crashes, but accepts others", async () => {
    const engine = await open({ deadly: "!" });
    const log = new OutputLog(engine);
    for (const id of ["a", "b"]) {
      const back = restarted(engine);
      // The reply may or may not arrive before the crash.
      engine.add(engineRequest(id, "deadly!")).catch(() => {});
      expect((await log.end(id)).at(-1)?.finishReason).toBe("error");
      await back;
      // After a successful request, the next restart is immediate.
      engine.add(engineRequest(`${id}-after`, "hello"));
      await log.end(`${id}-after`);
    }
    expect(await refusal(engine.add(engineRequest("c", "deadly!")))).toContain(
      "crashed repeatedly",
    );
    engine.add(engineRequest("d", "harmless"));
    expect((await log.end("d")).at(-1)?.finishReason).toBe("length");
  });

  const CHAT = {
    json: JSON.stringify({ messages: [{ role: "user", content: "deadly!" }] }),
    ...{ chatTemplate: null, addGenerationPrompt: true, continueFinalMessage: false },
  };
  const ids = Int32Array.from(new TextEncoder().encode("deadly!"));
  const textCalls: [string, (engine: SupervisedEngine) => Promise<unknown>][] = [
    ["tokenizing", (engine) => engine.calls.encode("deadly!", true)],
    ["decoding", (engine) => engine.calls.decode(ids, false)],
    ["reading token bytes", (engine) => engine.calls.tokenBytes(ids)],
    ["rendering a chat", (engine) => engine.calls.renderChat(CHAT)],
    ["tokenizing a chat", (engine) => engine.calls.encodeChat(CHAT)],
  ];
  test.each(textCalls)(
    "rejects a call that was in progress at two crashes: %s",
    async (_, call) => {
      const engine = await open({ deadlyText: "!" });
      for (let numDeaths = 1; numDeaths <= 2; numDeaths++) {
        const back = restarted(engine);
        expect(await refusal(call(engine))).toContain("The engine has stopped");
        await back;
        expect(await engine.calls.encode("harmless", false)).toHaveLength(8);
      }
      await expect(call(engine)).rejects.toMatchObject({ code: "suspect_request" });
      expect(await engine.calls.encode("harmless", false)).toHaveLength(8);
    },
  );

  test("never rejects a request that succeeded before, even if it is in progress at every crash", async () => {
    const engine = await open();
    const log = new OutputLog(engine);
    engine.add(engineRequest("before", "monitor"));
    await log.end("before");
    for (const id of ["a", "b", "c"]) {
      const back = restarted(engine);
      process.kill(engine.pid, "SIGSTOP");
      engine.add(engineRequest(id, "monitor")).catch(() => {});
      process.kill(engine.pid, "SIGKILL");
      expect((await log.end(id)).at(-1)?.finishReason).toBe("error");
      await back;
      engine.add(engineRequest(`${id}-after`, `hello ${id}`));
      await log.end(`${id}-after`);
    }
    engine.add(engineRequest("d", "monitor"));
    expect((await log.end("d")).at(-1)?.finishReason).toBe("length");
  });

  test("retries several suspects one at a time, and rejects only the one that causes the crashes", async () => {
    const engine = await open({ deadly: "!" });
    const log = new OutputLog(engine);
    const first = restarted(engine);
    engine.add(engineRequest("a", "slow", LONG)).catch(() => {});
    engine.add(engineRequest("b", "deadly!")).catch(() => {});
    await first;
    engine.add(engineRequest("a2", "slow", LONG));
    const waiting = engine.add(engineRequest("b2", "deadly!")).catch(() => {});
    engine.add(engineRequest("new", "hello"));
    await log.end("new");
    expect(log.of("a2").at(-1)?.finishReason).toBeNull();
    const second = restarted(engine);
    expect((await log.end("a2")).at(-1)?.finishReason).toBe("length");
    await waiting;
    expect((await log.end("b2")).at(-1)?.finishReason).toBe("error");
    await second;
    expect(await refusal(engine.add(engineRequest("b3", "deadly!")))).toContain(
      "crashed repeatedly",
    );
    engine.add(engineRequest("a3", "slow"));
    expect((await log.end("a3")).at(-1)?.finishReason).toBe("length");
  });

  describe("with several requests in progress", () => {
    /** Crashes the engine with two requests in progress, then resends both: one runs on trial while the other waits. */
    async function openTrial() {
      const engine = await open();
      const log = new OutputLog(engine);
      const back = restarted(engine);
      engine.add(engineRequest("a", "slow", LONG)).catch(() => {});
      engine.add(engineRequest("b", "other", LONG)).catch(() => {});
      process.kill(engine.pid, "SIGKILL");
      await back;
      engine.add(engineRequest("a2", "slow", LONG)).catch(() => {});
      const waiting = refusal(engine.add(engineRequest("b2", "other", LONG)));
      await log.until(() => log.of("a2").length > 0);
      return { engine, log, waiting };
    }

    test("rejects a waiting request when it is aborted", async () => {
      const { engine, waiting } = await openTrial();
      engine.abort(["b2"]);
      expect(await waiting).toContain("The request was canceled.");
    });

    test("rejects waiting requests when it crashes again, and when it shuts down", async () => {
      const dying = await openTrial();
      process.kill(dying.engine.pid, "SIGKILL");
      expect(await dying.waiting).toContain("is restarting");
      const ending = await openTrial();
      await ending.engine.shutdown();
      expect(await ending.waiting).toContain("shutting down");
    });

    test("runs the next request when the one on trial is aborted", async () => {
      const { engine, log, waiting } = await openTrial();
      engine.abort(["a2"]);
      expect(await waiting).toBe("taken");
      expect((await log.end("b2")).at(-1)?.finishReason).toBe("length");
    });
  });

  test("gives up after too many crashes", async () => {
    const engine = await open({}, { maxDeaths: 2 });
    const back = restarted(engine);
    process.kill(engine.pid, "SIGKILL");
    await back;
    process.kill(engine.pid, "SIGKILL");
    expect((await engine.died).message).toBe(
      "it crashed 2 times in ten minutes, last crash: SIGKILL",
    );
    expect(engine.unavailable?.code).toBe("engine_dead");
  });
});

describe("an engine whose restart fails", () => {
  const cases: [string, FakeBehavior | null, string][] = [
    ["no process can be created", null, "the engine cannot start: cannot create a process"],
    ["it fails to start", { start: "refuse" }, "the engine cannot start: there is no model"],
    ["the file has changed", { vocabSize: 300 }, "(the file now contains a different model)"],
  ];
  test.each(cases)("retries if %s", async (_, second, reason) => {
    const behaviors = [{}, second, {}];
    const startProcess = () => {
      const behavior = behaviors.shift();
      if (behavior == null) throw new Error("cannot create a process");
      return startChild([...FAKE_CHILD, JSON.stringify(behavior)]);
    };
    const engine = await open({}, { startProcess });
    const back = restarted(engine);
    process.kill(engine.pid, "SIGKILL");
    await back;
    expect(logged.join("\n")).toContain(reason);
    expect(logged.map((line) => /; restarting (.*)$/.exec(line)?.[1]).filter(Boolean)).toEqual([
      "now",
      "in 1 s",
    ]);
    expect(await engine.calls.encode("a", false)).toEqual(Int32Array.of(97));
  });
});

describe("an engine that hangs", () => {
  test("is killed and restarted if requests are in progress", async () => {
    const engine = await open({}, { stepTimeoutMs: 300 });
    const log = new OutputLog(engine);
    const back = restarted(engine);
    engine.add(engineRequest("a", "hello", LONG));
    await log.until(() => log.of("a").length > 0);
    process.kill(engine.pid, "SIGSTOP");
    expect((await log.end("a")).at(-1)?.finishReason).toBe("error");
    await back;
    expect(logged[0]).toContain("(hung: no progress for 0.3 s with work waiting)");
  });

  test("is killed if a call is waiting", async () => {
    const engine = await open({}, { stepTimeoutMs: 300 });
    process.kill(engine.pid, "SIGSTOP");
    const answer = await engine.calls.encode("hello", false).catch((error: Error) => error);
    expect(answer).toMatchObject({ code: "engine_dead" });
  });

  test("is not confused with one that is idle or asleep", async () => {
    const engine = await open({}, { stepTimeoutMs: 300 });
    const log = new OutputLog(engine);
    const { pid } = engine;
    // Three times the limit: the watchdog must not fire.
    await Bun.sleep(900);
    await engine.calls.sleep(0, "keep");
    engine.add(engineRequest("a", "hello"));
    await Bun.sleep(900); // again longer than the limit
    expect(log.of("a")).toEqual([]);
    await engine.calls.wakeUp(["weights", "kv_cache"]);
    expect((await log.end("a")).at(-1)?.finishReason).toBe("length");
    expect(engine.pid).toBe(pid);
  });
});

describe("an engine that fails to start", () => {
  test("reports the same error as an engine in this process", async () => {
    const error = await open({ start: "refuse" }).catch((refusal: Error) => refusal);
    expect(error).toBeInstanceOf(ConfigError);
    expect(error).toMatchObject({ code: "model_not_found", message: "there is no model" });
  });

  test("reports how its process ended", async () => {
    const error = await open({ start: "abort" }).catch((death: Error) => death);
    expect(error).toMatchObject({ code: "engine_dead" });
    expect((error as Error).message).toMatch(/^the engine process ended: SIG(ABRT|TRAP|ILL)$/);
  });
});

test("a busy front loses no outputs; they are merged until it catches up", async () => {
  const engine = await open();
  const log = new OutputLog(engine);
  let numMessages = 0;
  const params = { maxTokens: 400, logprobs: 20 };
  const ids = Array.from({ length: 16 }, (_, i) => `r${i}`);
  for (const id of ids) engine.add(engineRequest(id, `prompt ${id}`, params));
  await log.until(() => ids.every((id) => log.of(id).length > 0));
  // Blocks the front while the engine process keeps running.
  Bun.sleepSync(2_000);
  for (const id of ids) {
    const outputs = await log.end(id);
    numMessages = Math.max(numMessages, outputs.length);
    expect(outputs.flatMap(({ tokenIds }) => tokenIds)).toHaveLength(400);
    expect(outputs.flatMap(({ tokenTimesS }) => tokenTimesS)).toHaveLength(400);
    expect(outputs.flatMap(({ logprobs }) => logprobs ?? [])).toHaveLength(400);
    expect(log.textOf(id)).toHaveLength(400);
  }
  expect(numMessages).toBeLessThan(400);
});

test("an engine that stops reading is sent only a limited amount of data, and recovers when it reads again", async () => {
  const engine = await open();
  const mebibyte = new Int32Array(256 * 1024).fill(97);
  process.kill(engine.pid, "SIGSTOP");
  const answers: Promise<string>[] = [];
  while (engine.unavailable === null && answers.length < 100) {
    answers.push(engine.calls.decode(mebibyte, false));
    await Promise.resolve();
  }
  expect(answers.length).toBeGreaterThan(60);
  expect(answers.length).toBeLessThan(70);
  expect(engine.unavailable?.code).toBe("engine_restarting");
  expect(await refusal(engine.add(engineRequest("a", "hello")))).toContain("Retry later");
  process.kill(engine.pid, "SIGCONT");
  const lengths = (await Promise.all(answers)).map(({ length }) => length);
  expect(lengths).toEqual(answers.map(() => mebibyte.length));
  expect(engine.unavailable).toBeNull();
}, 30_000);
