// The server in real processes, with every kind of failure: the engine is killed, crashes, hangs, or runs
// out of memory, the front is killed, stopped, or runs out of file descriptors, and clients half-close
// connections. The client's counts must match the server's each time, and the server must keep running.

import { afterEach, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { Ledger } from "../support/ledger.ts";
import { childrenOf, enginePid, isAlive, untilGone } from "../support/processes.ts";
import {
  afterShell,
  change,
  readMetrics,
  type Series,
  type ServerProcess,
  startServer,
  untilIdle,
} from "../support/server-process.ts";

const NUM_STREAMS = 16;
/** Time in which an engine with this model must be back, even on a busy machine. */
const BACK_WITHIN_MS = 10_000;
const TOKENS = "vllm:generation_tokens_total{}";
/** Options for a KV cache that is small enough to start quickly. */
const SMALL = ["--kv-cache-memory-bytes", "256M"];
const NEVER_GIVEN_UP = ["--max-engine-deaths", "0"];

const canLimit = Bun.which("prlimit") !== null;
if (!canLimit) console.log("skipped the out-of-memory test: prlimit is not installed");

const servers: ServerProcess[] = [];

async function open(words: readonly string[] = NEVER_GIVEN_UP, shell = ""): Promise<ServerProcess> {
  const server = await startServer([...SMALL, ...words], {}, afterShell(shell));
  servers.push(server);
  return server;
}

afterEach(async () => {
  for (const { process } of servers.splice(0)) {
    process.kill("SIGKILL");
    await process.exited;
  }
});

const statusOf = async (url: string) => (await fetch(`${url}/health`)).status;

async function until(isReached: () => Promise<boolean>, timeoutMs = BACK_WITHIN_MS): Promise<void> {
  for (const startMs = performance.now(); !(await isReached()); await Bun.sleep(10)) {
    if (performance.now() - startMs > timeoutMs) throw new Error("condition not met in time");
  }
}

const untilTokens = (url: string, before: Series, count: number) =>
  until(async () => change(before, await readMetrics(url), TOKENS) >= count);

/** Waits for the next engine process, which may still be loading. @returns its id */
async function untilReplaced(server: ServerProcess, pid: number): Promise<number> {
  await until(async () => childrenOf(server.process.pid).some((child) => child !== pid));
  return enginePid(server);
}

/** Requests one token, to check that the engine works. */
async function expectAlive({ url }: ServerProcess): Promise<void> {
  expect(await new Ledger(url).run({ maxTokens: 1, stream: false })).toBe("finished");
}

describe("an engine", () => {
  test("that crashes fails its requests and restarts, three times in a row", async () => {
    const server = await open();
    const { url } = server;
    const ledger = new Ledger(url);
    const start = await readMetrics(url);
    for (const signal of ["SIGSEGV", "SIGKILL", "SIGABRT"] as const) {
      const before = await readMetrics(url);
      const streams = ledger.runMany(NUM_STREAMS, { maxTokens: 1000, stream: true });
      await untilTokens(url, before, 4 * NUM_STREAMS);
      const pid = enginePid(server);
      process.kill(pid, signal);
      const killedMs = performance.now();
      expect(new Set(await streams)).toEqual(new Set(["failed"]));
      await untilReplaced(server, pid);
      await until(async () => (await statusOf(url)) === 200);
      console.log(`${signal}: back after ${Math.round(performance.now() - killedMs)} ms`);
      const after = await untilIdle(url);
      for (const [name, value] of before) {
        if (/_(total|count|sum|bucket)\{/.test(name)) {
          expect([name, after.get(name)]).toEqual([name, Math.max(value, after.get(name) ?? -1)]);
        }
      }
      const configOf = (series: Series) =>
        [...series.keys()].filter((name) => name.startsWith("vllm:cache_config_info"));
      expect(configOf(after)).toEqual(configOf(before));
      await expectAlive(server);
    }
    expect(ledger.losses).toEqual([]);
    expect(ledger.outcomes).toMatchObject({ failed: 3 * NUM_STREAMS, refused: 0, lost: 0 });
    const after = await untilIdle(url);
    const numAliveTokens = 3;
    expect(change(start, after, TOKENS)).toBe(ledger.numTokens + numAliveTokens);
    expect(change(start, after, 'vllm:request_success_total{finished_reason="error"}')).toBe(
      3 * NUM_STREAMS,
    );
    expect(isAlive(server.process.pid)).toBe(true);
  }, 60_000);

  test("that crashes for the fifth time makes the server exit with 1 and ends every stream with an error", async () => {
    const server = await open([]);
    const { url } = server;
    const ledger = new Ledger(url);
    for (let numDeaths = 1; numDeaths <= 5; numDeaths++) {
      await until(async () => (await statusOf(url)) === 200);
      // After a successful request, the next restart is immediate.
      await expectAlive(server);
      const before = await readMetrics(url);
      const streams = ledger.runMany(NUM_STREAMS, { maxTokens: 1000, stream: true });
      const bodies = ledger.runMany(2, { maxTokens: 1000, stream: false });
      await untilTokens(url, before, 2 * NUM_STREAMS);
      process.kill(enginePid(server), "SIGKILL");
      expect(new Set([...(await streams), ...(await bodies)])).toEqual(new Set(["failed"]));
    }
    expect(ledger.losses).toEqual([]);
    expect(await server.process.exited).toBe(1);
    const isAccess = (line: string) => line.startsWith("INFO: ");
    // Answers that fail with the engine can be logged after the reason.
    const lines = (await server.log)
      .trimEnd()
      .split("\n")
      .filter((line) => !isAccess(line));
    expect(lines.filter((line) => line.includes("; restarting "))).toHaveLength(4);
    expect(lines.at(-1)).toMatch(/^ERROR /);
    expect(lines.at(-1)).toEndWith(
      " the engine has stopped: it crashed 5 times in ten minutes, last crash: SIGKILL",
    );
  }, 60_000);

  test("that crashes leaves a front end that reports the crash and when to retry", async () => {
    const server = await open();
    const ledger = new Ledger(server.url);
    const pid = enginePid(server);
    process.kill(pid, "SIGKILL");
    // After the second crash in a row, the restart is delayed by a second, which leaves time for the checks.
    process.kill(await untilReplaced(server, pid), "SIGKILL");
    await until(async () => (await statusOf(server.url)) === 503, 1000);
    expect(await ledger.run({ maxTokens: 1, stream: false })).toBe("refused");
    expect(await ledger.run({ maxTokens: 1, stream: true })).toBe("refused");
    await until(async () => (await statusOf(server.url)) === 200);
    await expectAlive(server);
  }, 30_000);

  test("that crashes fails waiting requests with a 500, but not those of disconnected clients", async () => {
    const server = await open();
    const ledger = new Ledger(server.url);
    const before = await readMetrics(server.url);
    const bodies = ledger.runMany(8, { maxTokens: 1000, stream: false });
    const leaving = ledger.runMany(4, { maxTokens: 1000, stream: true, leaveAfter: 2 });
    await Promise.all([leaving, untilTokens(server.url, before, 40)]);
    process.kill(enginePid(server), "SIGSEGV");
    expect(new Set(await bodies)).toEqual(new Set(["failed"]));
    expect(ledger.outcomes).toMatchObject({ failed: 8, cancelled: 4, lost: 0 });
    await until(async () => (await statusOf(server.url)) === 200);
    await expectAlive(server);
  }, 30_000);

  test.skipIf(!canLimit)(
    "that runs out of memory is replaced, as after any other crash",
    async () => {
      const server = await open();
      const { url } = server;
      const ledger = new Ledger(url);
      const before = await readMetrics(url);
      const streams = ledger.runMany(4, { maxTokens: 1000, stream: true });
      await untilTokens(url, before, 4 * 4);
      const pid = enginePid(server);
      expect(Bun.spawnSync(["prlimit", "--pid", String(pid), "--as=1"]).exitCode).toBe(0);
      // The engine still has enough memory for steps with these few sequences, but not to tokenize these texts.
      const headers = { "content-type": "application/json" };
      for (const numWords of [100_000, 300_000, 900_000]) {
        if (!isAlive(pid)) break;
        const body = JSON.stringify({ prompt: "word ".repeat(numWords) });
        const answer = await fetch(`${url}/tokenize`, { method: "POST", headers, body });
        // 503 if a step of the streams runs out of memory first.
        expect([500, 503]).toContain(answer.status);
      }
      expect(await streams).toEqual(Array(4).fill("failed"));
      await untilReplaced(server, pid);
      expect(isAlive(pid)).toBe(false);
      await until(async () => (await statusOf(url)) === 200);
      await expectAlive(server);
      const after = await readMetrics(url);
      expect(change(before, after, "pagoda_engine_restarts_total{}")).toBe(1);
      expect(change(before, after, TOKENS)).toBe(ledger.numTokens + 1);
    },
    30_000,
  );

  test("that crashes twice on the same request makes every route reject it, but no request that succeeded before", async () => {
    const server = await open();
    const post = async (path: string, body: object) => {
      const headers = { "content-type": "application/json" };
      const init = { method: "POST", headers, body: JSON.stringify(body) };
      return (await fetch(server.url + path, init)).status;
    };
    const monitor = () => post("/v1/completions", { prompt: "a", max_tokens: 1 });
    const messages = [{ role: "user", content: "deadly" }];
    const suspects = [
      () => post("/tokenize", { prompt: "deadly" }),
      () => post("/tokenize", { messages }),
      () => post("/detokenize", { tokens: [1, 2, 3] }),
      () => post("/v1/completions", { prompt: "deadly", max_tokens: 1 }),
      () => post("/v1/chat/completions", { messages, max_tokens: 1 }),
    ];
    expect(await monitor()).toBe(200);
    for (const suspect of suspects) {
      for (let numDeaths = 1; numDeaths <= 2; numDeaths++) {
        const pid = enginePid(server);
        process.kill(pid, "SIGSTOP");
        const statuses = Promise.all([suspect(), monitor()]);
        // Lets both requests reach the engine, which is stopped and sends no response.
        await Bun.sleep(100);
        process.kill(pid, "SIGKILL");
        expect(Math.min(...(await statuses))).toBeGreaterThanOrEqual(500);
        await untilReplaced(server, pid);
        await until(async () => (await statusOf(server.url)) === 200);
        expect(await monitor()).toBe(200);
      }
      expect(await suspect()).toBe(422);
    }
    expect(await post("/tokenize", { prompt: "harmless" })).toBe(200);
  }, 60_000);

  test("that hangs is detected and replaced", async () => {
    const server = await open([...NEVER_GIVEN_UP, "--engine-step-timeout", "1"]);
    const ledger = new Ledger(server.url);
    const before = await readMetrics(server.url);
    const streams = ledger.runMany(NUM_STREAMS, { maxTokens: 1000, stream: true });
    await untilTokens(server.url, before, NUM_STREAMS);
    process.kill(enginePid(server), "SIGSTOP");
    expect(new Set(await streams)).toEqual(new Set(["failed"]));
    await until(async () => (await statusOf(server.url)) === 200);
    await expectAlive(server);
    expect(ledger.losses).toEqual([]);
  }, 30_000);
});

describe("a front end", () => {
  test("never loads the addon, which only the engine does", async () => {
    const server = await open();
    const maps = (pid: number) => readFileSync(`/proc/${pid}/maps`, "utf8");
    expect(maps(server.process.pid)).not.toContain(".node");
    expect(maps(enginePid(server))).toContain(".node");
  }, 30_000);

  test.each([false, true])(
    "that is killed leaves no process behind (engine stopped: %p)",
    async (stopped) => {
      const server = await open();
      const pid = enginePid(server);
      const streams = new Ledger(server.url).runMany(4, { maxTokens: 1000, stream: true });
      if (stopped) process.kill(pid, "SIGSTOP");
      server.process.kill("SIGKILL");
      await untilGone(pid, 2_000);
      await streams;
    },
    30_000,
  );

  test("that receives SIGTERM during 16 streams finishes them all", async () => {
    const server = await open();
    const pid = enginePid(server);
    const ledger = new Ledger(server.url);
    const before = await readMetrics(server.url);
    const streams = ledger.runMany(NUM_STREAMS, { maxTokens: 60, stream: true });
    await untilTokens(server.url, before, NUM_STREAMS);
    server.process.kill("SIGTERM");
    // Service managers signal every process in a service.
    process.kill(pid, "SIGTERM");
    expect(await streams).toEqual(Array(NUM_STREAMS).fill("finished"));
    expect(ledger.numTokens).toBe(60 * NUM_STREAMS);
    expect(await server.process.exited).toBe(0);
    expect(isAlive(pid)).toBe(false);
  }, 30_000);

  test("that receives SIGTERM while the engine restarts exits", async () => {
    const server = await open();
    process.kill(enginePid(server), "SIGKILL");
    server.process.kill("SIGTERM");
    expect(await server.process.exited).toBe(0);
  }, 30_000);

  test("that runs out of file descriptors still serves open connections, and new ones once some are free", async () => {
    const server = await open(NEVER_GIVEN_UP, "ulimit -n 100; ");
    const { hostname, port } = new URL(server.url);
    const ledger = new Ledger(server.url);
    const streams = ledger.runMany(4, { maxTokens: 100, stream: true });
    await untilTokens(server.url, new Map([[TOKENS, 0]]), 4);
    const sockets = Array.from({ length: 150 }, () => connect(Number(port), hostname));
    for (const socket of sockets) socket.on("error", () => {});
    expect(await streams).toEqual(Array(4).fill("finished"));
    for (const socket of sockets) socket.destroy();
    await until(async () => (await statusOf(server.url).catch(() => 0)) === 200);
    await expectAlive(server);
  }, 30_000);

  test("treats a client that half-closes as disconnected", async () => {
    const server = await open();
    const { hostname, port } = new URL(server.url);
    const body = JSON.stringify({ prompt: "x", max_tokens: 2000, ignore_eos: true, stream: true });
    const head = `POST /v1/completions HTTP/1.1\r\nHost: ${hostname}:${port}\r\nContent-Type: application/json\r\n`;
    const before = await readMetrics(server.url);
    const sockets = Array.from({ length: 4 }, () => {
      const socket = connect({ port: Number(port), host: hostname, allowHalfOpen: true });
      socket.write(`${head}Content-Length: ${body.length}\r\n\r\n${body}`);
      return socket;
    });
    await untilTokens(server.url, before, 16);
    for (const socket of sockets) socket.end();
    const after = await untilIdle(server.url);
    expect(change(before, after, 'vllm:request_success_total{finished_reason="abort"}')).toBe(4);
    for (const socket of sockets) socket.destroy();
  }, 30_000);
});
