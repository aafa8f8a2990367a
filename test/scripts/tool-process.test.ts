// A script that is stopped also stops the tools it runs, and their children.

import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { familyOf, isAlive, untilGone } from "../support/processes.ts";
import { bareClone, removeTempFolders, tempFolder } from "../support/temp-checkout.ts";

afterAll(removeTempFolders);

const ROOT = join(import.meta.dir, "../..");
const SHELL = JSON.stringify(join(ROOT, "scripts/shell.ts"));

/** Runs two tools with a child each, as cmake-js starts cmake. */
const SCRIPT = `
import { run } from ${SHELL};
const tool = (name) => run(["sh", "-c", \`sleep 100 & echo $! $$ >\${name}; wait\`]);
await Promise.all([tool("first"), tool("second")]);
console.log("went on");
`;

async function untilFile(path: string): Promise<string> {
  while (!existsSync(path) || !readFileSync(path, "utf8").endsWith("\n")) await Bun.sleep(10);
  return readFileSync(path, "utf8");
}

const isLinux = process.platform === "linux";
if (!isLinux) console.log("skipped the nohup test: only Linux reports nohup");

describe("run", () => {
  test.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ] as const)(
    "%s stops two tools with their children, then the script exits with %d",
    async (signal, code) => {
      const cwd = tempFolder();
      const child = Bun.spawn([process.execPath, "-e", SCRIPT], { cwd, stdin: "ignore" });
      const started = [await untilFile(join(cwd, "first")), await untilFile(join(cwd, "second"))];
      child.kill(signal);
      expect(await child.exited).toBe(code);
      expect(await new Response(child.stdout).text()).toBe("");
      const pids = started.flatMap((text) => text.trim().split(" ").map(Number));
      expect(pids).toHaveLength(4);
      expect(pids.filter(isAlive)).toEqual([]);
    },
  );

  test.skipIf(!isLinux)(
    "under nohup, a hangup stops neither the tool nor, later, the script",
    async () => {
      const script = `
      import { run } from ${SHELL};
      const hangUp = () => process.kill(process.pid, "SIGHUP");
      setTimeout(hangUp, 20); // while the next tool runs
      await run(["sleep", "0.1"]);
      hangUp();
      console.log("lives");`;
      const nohup = ["nohup", process.execPath, "-e", script];
      const child = Bun.spawn(nohup, { stdin: "ignore", stderr: "ignore" });
      expect(await new Response(child.stdout).text()).toBe("lives\n");
      expect(await child.exited).toBe(0);
    },
  );

  test("if no signal arrives, tools finish, and later signals have their usual effect", async () => {
    const script = `
      import { run } from ${SHELL};
      console.log((await run(["echo", "done"])).output);
      process.kill(process.pid, "SIGTERM");
      await Bun.sleep(10_000); // until the signal arrives`;
    const child = Bun.spawn([process.execPath, "-e", script], { stdin: "ignore" });
    expect(await new Response(child.stdout).text()).toBe("done\n");
    await child.exited;
    expect(child.signalCode).toBe("SIGTERM");
  });
});

/** Starts the program in a bare clone whose first download never completes. */
async function startInBareClone(program: readonly string[]) {
  const cwd = bareClone();
  const asked = Promise.withResolvers<void>();
  const registry = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: () => {
      asked.resolve();
      return new Promise<Response>(() => {});
    },
  });
  registry.unref();
  writeFileSync(join(cwd, "bunfig.toml"), `[install]\nregistry = "${registry.url.href}"\n`);
  const env = { ...process.env, BUN_INSTALL_CACHE_DIR: join(cwd, "cache") };
  const child = Bun.spawn([...program, "serve"], { cwd, env, stdin: "ignore", stderr: "ignore" });
  await asked.promise;
  return { child, family: familyOf(child.pid) };
}

const SCRIPT_ITSELF = [process.execPath, "scripts/pagoda.ts"];
const BUN_RUN = [process.execPath, "run"];

describe("the setup of a bare clone", () => {
  test.each([
    ["the script", SCRIPT_ITSELF, "SIGTERM", 143],
    ["the script", SCRIPT_ITSELF, "SIGKILL", "SIGKILL"],
    ["bun run", BUN_RUN, "SIGINT", 130],
    ["bun run", BUN_RUN, "SIGKILL", "SIGKILL"],
  ] as const)(
    "started by %s, stops with all processes that it runs",
    async (_, program, signal, end) => {
      const { child, family } = await startInBareClone(program);
      expect(family.length).toBeGreaterThanOrEqual(3);
      child.kill(signal);
      await child.exited;
      expect(child.signalCode ?? child.exitCode).toBe(end);
      for (const pid of family) await untilGone(pid, 5000);
    },
  );
});
