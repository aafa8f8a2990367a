// Running processes and their listening addresses, from /proc.

import { expect, test } from "bun:test";
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { listenersOf, runningProcesses, socketFilesOf } from "../../src/runtime/processes.ts";

test("lists this process", () => {
  const here = runningProcesses().find(({ pid }) => pid === process.pid);
  expect(here?.argv[0]).toBe(process.argv0);
  expect(here?.parentPid).toBe(process.ppid);
  expect(here?.residentBytes).toBeGreaterThan(2 ** 20);
});

test.each([
  ["127.0.0.1", "127.0.0.1"],
  ["0.0.0.0", "127.0.0.1"],
  ["::1", "[::1]"],
  ["::", "127.0.0.1"],
  ["127.0.0.2", "127.0.0.2"],
  ["::ffff:127.0.0.1", "[::ffff:7f00:1]"],
])("a listener on %p can be reached at %p", async (hostname, host) => {
  const server = Bun.serve({ hostname, port: 0, fetch: () => new Response("here") });
  const port = server.port ?? 0;
  expect(listenersOf(process.pid)).toContainEqual({ host, port });
  expect(await (await fetch(`http://${host}:${port}`)).text()).toBe("here");
  await server.stop(true);
  expect(listenersOf(process.pid)).not.toContainEqual({ host, port });
});

test("finds the path of a listener on a Unix socket", async () => {
  const path = join(mkdtempSync(join(tmpdir(), "pagoda-")), "a  socket");
  const server = Bun.serve({ unix: path, fetch: () => new Response("here") });
  expect(socketFilesOf(process.pid)).toContain(path);
  await server.stop(true);
  expect(socketFilesOf(process.pid)).not.toContain(path);
  rmSync(dirname(path), { recursive: true });
});

test("finds a socket whose path is relative to the folder of its process", async () => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "pagoda-")));
  const program = `require("net").createServer().listen("a socket", () => console.log("ready"))`;
  const child = Bun.spawn([process.execPath, "-e", program], { cwd: folder, stdout: "pipe" });
  try {
    await child.stdout.getReader().read();
    expect(socketFilesOf(child.pid)).toEqual([join(folder, "a socket")]);
  } finally {
    child.kill("SIGKILL");
    await child.exited;
    rmSync(folder, { recursive: true });
  }
});

test("finds no address for a process that has exited", () => {
  expect(listenersOf(2 ** 22 + 1)).toEqual([]);
});
