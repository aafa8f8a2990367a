// Operator routes against the complete engine with the fake model: where they exist and what they reject.
// Requests sent while the engine sleeps must not be lost.

import { describe, expect, test } from "bun:test";
import type { ServerContext } from "../../src/server/server-context.ts";
import { makeApp } from "../support/fake-engine.ts";
import { settled, until } from "../support/waiting.ts";

const DEV: Partial<ServerContext> = { isDevMode: true, isSleepEnabled: true };

function start(context: Partial<ServerContext> = DEV, model = {}) {
  const parts = makeApp({ model }, context);
  const call = (method: string, path: string, headers: Record<string, string> = {}) =>
    parts.app.handle(new Request(`http://localhost${path}`, { method, headers }));
  const isSleeping = async () => (await call("GET", "/is_sleeping")).json();
  const complete = (prompt: string, max_tokens = 8) =>
    parts.post("/v1/completions", { prompt, max_tokens, temperature: 0 });
  const textOf = async (response: Response | Promise<Response>) =>
    ((await (await response).json()) as { choices: { text: string; finish_reason: string }[] })
      .choices[0];
  return { ...parts, call, isSleeping, complete, textOf };
}

describe("the operator routes", () => {
  const PATHS = [
    ["POST", "/sleep"],
    ["POST", "/wake_up"],
    ["GET", "/is_sleeping"],
    ["POST", "/reset_prefix_cache"],
    ["POST", "/pause"],
    ["GET", "/is_paused"],
    ["POST", "/resume"],
    ["GET", "/server_info"],
  ] as const;

  test("do not exist without development mode or a key, as in vLLM", async () => {
    const { call } = start({ isSleepEnabled: true });
    for (const [method, path] of PATHS) {
      for (const at of [path, `/v1${path}`]) {
        const response = await call(method, at);
        expect([at, response.status, await response.json()]).toEqual([
          at,
          404,
          { detail: "Not Found" },
        ]);
      }
    }
  });

  test("are at the root in development mode", async () => {
    const { call } = start();
    for (const [method, path] of PATHS) {
      expect([path, (await call(method, path)).status]).toEqual([path, 200]);
      expect((await call(method, `/v1${path}`)).status).toBe(404);
    }
  });

  test("are under /v1 if the server has a key, and require that key", async () => {
    const { call } = start({ isSleepEnabled: true, apiKeys: ["k"] });
    for (const [method, path] of PATHS) {
      expect((await call(method, `/v1${path}`)).status).toBe(401);
      const authorization = { authorization: "Bearer k" };
      expect((await call(method, path, authorization)).status).toBe(404);
      expect((await call(method, `/v1${path}`, authorization)).status).toBe(200);
    }
  });

  test("require the key in development mode too", async () => {
    const { call } = start({ ...DEV, apiKeys: ["k"] });
    expect((await call("POST", "/sleep")).status).toBe(401);
    expect((await call("POST", "/reset_prefix_cache")).status).toBe(401);
  });

  test("do not allow other methods", async () => {
    const response = await start().call("GET", "/sleep");
    expect([response.status, response.headers.get("allow")]).toEqual([405, "POST"]);
  });
});

describe("rejected operations", () => {
  test.each([
    ["/sleep?level=3", "level", 'level must be 0, 1 or 2, got "3".'],
    ["/sleep?level=", "level", 'level must be 0, 1 or 2, got "".'],
    ["/sleep?level=1.0", "level", 'level must be 0, 1 or 2, got "1.0".'],
    ["/sleep?mode=now", "mode", 'mode must be one of abort, wait, keep, got "now".'],
    ["/wake_up?tags=kv", "tags", 'tags must be one or more of weights, kv_cache, got "kv".'],
    [
      "/wake_up?tags=weights&tags=x",
      "tags",
      'tags must be one or more of weights, kv_cache, got "x".',
    ],
    [
      "/reset_prefix_cache?reset_running_requests=maybe",
      "reset_running_requests",
      'reset_running_requests must be true or false, got "maybe".',
    ],
  ])("%s", async (path, param, message) => {
    const { call, isSleeping } = start();
    const response = await call("POST", path);
    expect([response.status, await response.json()]).toEqual([
      400,
      { error: { message, type: "BadRequestError", param, code: 400 } },
    ]);
    expect(await isSleeping()).toEqual({ is_sleeping: false });
  });

  test("include sleeping, but not a cache reset, without --enable-sleep-mode", async () => {
    const { call } = start({ isDevMode: true });
    for (const [method, path] of [
      ["POST", "/sleep"],
      ["POST", "/wake_up"],
      ["GET", "/is_sleeping"],
    ] as const) {
      const response = await call(method, path);
      expect([response.status, await response.text()]).toEqual([
        400,
        expect.stringContaining("Start the server with --enable-sleep-mode."),
      ]);
    }
    expect((await call("POST", "/reset_prefix_cache")).status).toBe(200);
  });
});

describe("sleeping", () => {
  test.each([0, 1, 2])(
    "at level %d makes requests wait; their output is the same as without sleep",
    async (level) => {
      const { call, isSleeping, complete, textOf, scheduler } = start();
      const awake = await textOf(complete("hello"));
      expect((await call("POST", `/sleep?level=${level}`)).status).toBe(200);
      expect(await isSleeping()).toEqual({ is_sleeping: true });
      const waiting = textOf(complete("hello"));
      await until(() => scheduler.takeStats().numWaitingReqs === 1);
      expect((await call("POST", "/wake_up")).status).toBe(200);
      expect(await waiting).toEqual(awake as never);
      expect(await isSleeping()).toEqual({ is_sleeping: false });
    },
  );

  test("aborts running requests by default", async () => {
    const { call, complete, textOf, runner } = start(DEV, { stepTurns: 3 });
    const running = textOf(complete("hello", 500));
    await until(() => runner.numSteps > 3);
    await call("POST", "/sleep");
    expect((await running)?.finish_reason).toBe("abort");
  });

  test("mode=keep preempts running requests, which continue after the wake-up with the same text", async () => {
    const alone = start();
    const expected = await alone.textOf(alone.complete("hello", 60));
    const { call, complete, textOf, runner } = start(DEV, { stepTurns: 3 });
    const running = textOf(complete("hello", 60));
    await until(() => runner.numSteps > 3);
    await call("POST", "/sleep?mode=keep&level=2");
    const { numSteps } = runner;
    await settled();
    expect(runner.numSteps).toBe(numSteps);
    await call("POST", "/wake_up");
    expect(await running).toEqual(expected as never);
  });

  test("mode=wait lets running requests finish, while later requests wait", async () => {
    const { call, complete, textOf, runner, isSleeping } = start(DEV, { stepTurns: 3 });
    const order: string[] = [];
    const running = textOf(complete("hello", 30));
    await until(() => runner.numSteps > 3);
    const asleep = async () => {
      await call("POST", "/sleep?mode=wait");
      order.push("asleep");
    };
    const sleeping = asleep();
    const later = textOf(complete("later", 4)).then(() => order.push("later"));
    expect((await running)?.finish_reason).toBe("length");
    await sleeping;
    expect(await isSleeping()).toEqual({ is_sleeping: true });
    await call("POST", "/wake_up");
    await later;
    expect(order).toEqual(["asleep", "later"]);
  });

  test("ends once all tags are awake, in either order", async () => {
    for (const tags of [
      ["weights", "kv_cache"],
      ["kv_cache", "weights"],
    ]) {
      const { call, isSleeping, complete, textOf } = start();
      await call("POST", "/sleep?level=2");
      await call("POST", `/wake_up?tags=${tags[0]}`);
      expect(await isSleeping()).toEqual({ is_sleeping: true });
      await call("POST", `/wake_up?tags=${tags[1]}`);
      expect(await isSleeping()).toEqual({ is_sleeping: false });
      expect((await textOf(complete("hello")))?.finish_reason).toBe("length");
    }
  });

  test("can be deepened by a second sleep; a second wake-up changes nothing", async () => {
    const { call, runner, isSleeping } = start();
    await call("POST", "/sleep?level=1");
    await call("POST", "/sleep?level=2");
    expect(runner.sleepLevel).toBe(2);
    await call("POST", "/sleep?level=1");
    expect(runner.sleepLevel).toBe(2);
    await call("POST", "/wake_up");
    expect((await call("POST", "/wake_up")).status).toBe(200);
    expect(await isSleeping()).toEqual({ is_sleeping: false });
  });

  test("a sleep queued behind a sleep and a wake-up affects requests that are running by then", async () => {
    for (const [mode, reason] of [
      ["abort", "abort"],
      ["wait", "length"],
    ]) {
      const { call, complete, textOf, runner, isSleeping } = start(DEV, { stepTurns: 3 });
      const first = textOf(complete("hello", 40));
      await until(() => runner.numSteps > 3);
      const calls = [call("POST", "/sleep?mode=wait"), call("POST", "/wake_up")];
      const late = textOf(complete("late", 40));
      calls.push(call("POST", `/sleep?mode=${mode}`));
      for (const answer of await Promise.all(calls)) expect(answer.status).toBe(200);
      expect((await first)?.finish_reason).toBe("length");
      expect((await late)?.finish_reason).toBe(reason as string);
      expect(await isSleeping()).toEqual({ is_sleeping: true });
      const waiting = textOf(complete("waiting", 2));
      await call("POST", "/wake_up");
      expect((await waiting)?.finish_reason).toBe("length");
    }
  });

  test("after a partial wake-up puts the awake part back to sleep", async () => {
    const { call, runner, isSleeping } = start();
    await call("POST", "/sleep?level=2");
    await call("POST", "/wake_up?tags=weights");
    expect(runner.hasWeights).toBe(true);
    await call("POST", "/sleep?level=2");
    expect(runner.hasWeights).toBe(false);
    await call("POST", "/wake_up?tags=kv_cache");
    expect(await isSleeping()).toEqual({ is_sleeping: true });
    await call("POST", "/wake_up?tags=weights");
    expect(await isSleeping()).toEqual({ is_sleeping: false });
  });

  test("a deeper sleep aborts requests kept by the first sleep, or lets them finish if possible", async () => {
    for (const [first, second, reason] of [
      [0, "level=1", "abort"],
      [1, "level=2", "abort"],
      [0, "level=1&mode=wait", "length"],
    ]) {
      const { call, complete, textOf, runner, isSleeping } = start(DEV, { stepTurns: 3 });
      const kept = textOf(complete("hello", 30));
      await until(() => runner.numSteps > 3);
      await call("POST", `/sleep?level=${first}&mode=keep`);
      expect((await call("POST", `/sleep?${second}`)).status).toBe(200);
      expect((await kept)?.finish_reason).toBe(reason as string);
      expect(await isSleeping()).toEqual({ is_sleeping: true });
    }
  });

  test("drops a queued request whose client disconnects", async () => {
    const { call, app, scheduler, engine } = start();
    await call("POST", "/sleep");
    const leaving = new AbortController();
    const body = JSON.stringify({ prompt: "hello" });
    const headers = { "content-type": "application/json" };
    const init = { method: "POST", headers, body, signal: leaving.signal };
    const answer = app.handle(new Request("http://localhost/v1/completions", init));
    await until(() => engine.numLiveSequences === 1);
    leaving.abort();
    await answer;
    expect(scheduler.takeStats().numWaitingReqs).toBe(0);
  });

  test("a failed wake-up reports the reason and can be retried", async () => {
    const { call, runner, isSleeping, complete, textOf } = start();
    await call("POST", "/sleep?level=2");
    const { wakeWeights } = runner;
    runner.wakeWeights = () => Promise.reject(new Error("the file is gone"));
    const failed = await call("POST", "/wake_up");
    expect([failed.status, await failed.json()]).toEqual([
      500,
      {
        error: {
          message: "The engine cannot wake up: the file is gone",
          type: "InternalServerError",
          param: null,
          code: 500,
        },
      },
    ]);
    expect(await isSleeping()).toEqual({ is_sleeping: true });
    runner.wakeWeights = wakeWeights;
    expect((await call("POST", "/wake_up")).status).toBe(200);
    expect((await textOf(complete("hello")))?.finish_reason).toBe("length");
  });

  test("a failed sleep leaves the engine running", async () => {
    const { call, runner, isSleeping, complete, textOf } = start();
    runner.sleep = () => Promise.reject(new Error("out of memory for the copy"));
    expect((await call("POST", "/sleep")).status).toBe(500);
    expect(await isSleeping()).toEqual({ is_sleeping: false });
    expect((await textOf(complete("hello")))?.finish_reason).toBe("length");
  });
});

test("rejects a sleep that could not be undone before it aborts any request", async () => {
  for (const mode of ["abort", "wait"]) {
    const { call, complete, textOf, runner, isSleeping } = start(DEV, { stepTurns: 3 });
    runner.checkReload = () => Promise.reject(new Error("the file is gone"));
    const running = textOf(complete("hello", 30));
    await until(() => runner.numSteps > 3);
    const refused = await call("POST", `/sleep?level=2&mode=${mode}`);
    expect([refused.status, await refused.text()]).toEqual([
      500,
      expect.stringContaining("The engine cannot sleep: the file is gone"),
    ]);
    expect(await isSleeping()).toEqual({ is_sleeping: false });
    expect((await textOf(complete("more", 2)))?.finish_reason).toBe("length");
    expect((await running)?.finish_reason).toBe("length");
  }
});

describe("resetting the prefix cache", () => {
  const PROMPT = "a prompt of more than one block of tokens";

  test("leaves no reusable blocks", async () => {
    const { call, complete, textOf, scheduler } = start();
    const hits = async () => {
      scheduler.takeStats();
      await textOf(complete(PROMPT));
      return scheduler.kvCache.pool.numFree;
    };
    await hits();
    await call("POST", "/reset_prefix_cache");
    expect(
      scheduler.kvCache.pool.freeBlockIds().some((id) => scheduler.kvCache.pool.isHashed(id)),
    ).toBe(false);
  });

  test("keeps blocks in use, unless it may preempt running requests", async () => {
    const alone = start();
    const expected = await alone.textOf(alone.complete(PROMPT, 60));
    const { call, complete, textOf, runner, scheduler } = start(DEV, { stepTurns: 3 });
    const isAnyHashed = () =>
      Array.from({ length: scheduler.kvCache.pool.numBlocks }, (_, id) => id).some((id) =>
        scheduler.kvCache.pool.isHashed(id),
      );
    const running = textOf(complete(PROMPT, 60));
    await until(() => runner.numSteps > 3);
    expect((await call("POST", "/reset_prefix_cache")).status).toBe(200);
    expect(isAnyHashed()).toBe(true);
    const url = "/reset_prefix_cache?reset_running_requests=true&reset_external=false";
    expect((await call("POST", url)).status).toBe(200);
    expect(await running).toEqual(expected as never);
  });
});
