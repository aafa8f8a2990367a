// No matter how a server is started and stopped, a stream in progress finishes, and all started
// processes exit.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { enginePid, familyOf, isAlive, untilGone } from "../support/processes.ts";
import { MAIN } from "../support/run-pagoda.ts";
import { type ServerProcess, startServer } from "../support/server-process.ts";
import { writeTinyGguf } from "../support/tiny-gguf.ts";
import { tempFolder } from "../support/tiny-model.ts";

const folder = tempFolder();
const model = join(folder.path, "tiny.gguf");

beforeAll(() => writeTinyGguf(model, { contextLength: 32_768 }));
afterAll(folder.remove);

const hasNpm = Bun.which("npx") !== null;
if (!hasNpm) console.log("stopping: npx and npm are not installed; skipped");

/** Commands that start the server; "serve" and its arguments follow. */
const PROGRAMS = {
  script: [process.execPath, join(import.meta.dir, "../../scripts/pagoda.ts")],
  "bun run": [process.execPath, "run"],
  npx: ["npx", "-y", `bun@${Bun.version}`, "run"],
  npm: ["npm", "run", "--"],
  timeout: ["timeout", "--signal", "INT", "3", process.execPath, "run"],
} as const;

/** Starts a server in its own process group, as a terminal does. */
function start(by: keyof typeof PROGRAMS): Promise<ServerProcess> {
  const words = [model, "--kv-cache-memory-bytes", "128M"];
  return startServer(words, {}, PROGRAMS[by], { detached: true });
}

/**
 * Starts a response that takes a few seconds. @returns a function that awaits its events; call it
 * once
 */
async function beginStream(url: string, maxTokens: number): Promise<() => Promise<string[]>> {
  const response = await fetch(`${url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      ...{ prompt: "a b", max_tokens: maxTokens, ignore_eos: true, stream: true },
      stream_options: { include_usage: true },
    }),
  });
  return async () => (await response.text()).trim().split("\n\n");
}

const signalled = (signal: NodeJS.Signals) => (pid: number) => process.kill(pid, signal);
const nothing = () => {};

/** Sends a key press twice, like a wrapper that forwards it on a busy machine. */
async function toGroupTwice(pid: number): Promise<void> {
  process.kill(-pid, "SIGINT");
  await Bun.sleep(150);
  process.kill(-pid, "SIGINT");
}

describe.each([
  ["script", "SIGTERM", signalled("SIGTERM"), 0],
  ["bun run", "a key press that arrives twice", toGroupTwice, 0],
  ["bun run", "SIGTERM", signalled("SIGTERM"), 0],
  ["bun run", "SIGKILL", signalled("SIGKILL"), "SIGKILL"],
  ["timeout", "its time limit", nothing, 124],
  // If npm's shell is dash, the shell exits with a signal that its command has handled, and so does npm.
  ["npx", "a key press that arrives twice", toGroupTwice, [0, "SIGINT"]],
  ["npx", "SIGTERM", signalled("SIGTERM"), [0, "SIGTERM"]],
  ["npx", "SIGKILL", signalled("SIGKILL"), "SIGKILL"],
  ["npm", "SIGTERM", signalled("SIGTERM"), [0, "SIGTERM"]],
] as const)("a server started by %s", (by, what, stop, end) => {
  test.skipIf(by.startsWith("np") && !hasNpm)(
    `finishes a stream and exits after ${what}`,
    async () => {
      const { url, process: child } = await start(by);
      const family = familyOf(child.pid);
      try {
        // Takes longer than `timeout` lets the server run.
        const maxTokens = by === "timeout" ? 5000 : 1500;
        const events = await beginStream(url, maxTokens);
        await stop(child.pid);
        const seen = await events();
        expect(seen.at(-1)).toBe("data: [DONE]");
        expect(seen.at(-2)).toContain(`"completion_tokens":${maxTokens}`);
        await child.exited;
        const ends: readonly unknown[] = [end].flat();
        expect(ends).toContain(child.signalCode ?? child.exitCode);
        for (const pid of family) await untilGone(pid, 5000);
      } finally {
        for (const pid of family.filter(isAlive)) process.kill(pid, "SIGKILL");
      }
    },
    30_000,
  );
});

test("a second key press stops the server immediately", async () => {
  const { url, process: child } = await start("bun run");
  const events = await beginStream(url, 30_000);
  process.kill(-child.pid, "SIGINT");
  // Signals within a second count as one key press.
  await Bun.sleep(1200);
  process.kill(-child.pid, "SIGINT");
  await expect(events()).rejects.toThrow();
  expect(await child.exited).toBe(1);
}, 30_000);

test("a signal during startup stops the server immediately", async () => {
  const asked = Promise.withResolvers<void>();
  const silent = Bun.serve({
    port: 0,
    fetch: () => {
      asked.resolve();
      return new Promise<Response>(() => {});
    },
  });
  const child = Bun.spawn([process.execPath, MAIN, "serve", `${silent.url.href}x.gguf`], {
    stderr: "ignore",
  });
  await asked.promise;
  child.kill("SIGTERM");
  expect(await child.exited).toBe(143);
  await silent.stop(true);
}, 30_000);

test("a hanging engine does not delay a stop beyond the shutdown timeout", async () => {
  const words = [model, "--kv-cache-memory-bytes", "128M", "--shutdown-timeout", "1"];
  const server = await startServer(words);
  const events = await beginStream(server.url, 20_000);
  const engine = enginePid(server);
  process.kill(engine, "SIGSTOP");
  server.process.kill("SIGTERM");
  expect((await events()).slice(-2)).toEqual([
    expect.stringContaining("The server is shutting down."),
    "data: [DONE]",
  ]);
  expect(await server.process.exited).toBe(0);
  await untilGone(engine, 5000);
}, 20_000);
