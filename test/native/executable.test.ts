// The executable as copied to other machines: a single file that must run anywhere.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  chmodSync,
  copyFileSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { addonPath } from "../../scripts/build-addon.ts";
import { Checkout } from "../../scripts/checkout.ts";
import { isDistributable } from "../support/distributable.ts";
import { enginePid } from "../support/processes.ts";
import { readMetrics, type ServerProcess, startServer } from "../support/server-process.ts";
import { writeTinyGguf } from "../support/tiny-gguf.ts";
import { tempFolder } from "../support/tiny-model.ts";

const ROOT = join(import.meta.dir, "..", "..");
const TIMEOUT_MS = 120_000;
const NOBODY = 65534;

const folder = tempFolder();
const at = (...parts: string[]) => join(folder.path, ...parts);
const executable = at("bin", "pagoda");
const MODEL = [at("tiny.gguf"), "--kv-cache-memory-bytes", "4M", "--threads", "2"];

const SYSTEM = process.platform === "linux" && process.arch === "x64";
const canMount = succeeds("unshare", "--mount", "true");
const canChangeUser = process.getuid?.() === 0 && succeeds("setpriv", "--reuid=1", "true");
const hasEmulator = SYSTEM && succeeds("qemu-x86_64", "-version");
const hasObjdump = SYSTEM && succeeds("objdump", "--version");

function succeeds(...command: string[]): boolean {
  try {
    return Bun.spawnSync(command, { stdout: "ignore", stderr: "ignore" }).exitCode === 0;
  } catch {
    return false;
  }
}

/** A test that logs why it is skipped. */
function testIf(condition: boolean, reason: string) {
  if (!condition) console.log(`skipped: ${reason}`);
  return test.skipIf(!condition);
}

function compile(...words: string[]) {
  const script = join(ROOT, "scripts", "compile.ts");
  const child = Bun.spawnSync([process.execPath, script, ...words], { cwd: ROOT });
  return { exitCode: child.exitCode, stderr: child.stderr.toString() };
}

/** Starts the executable with only these environment variables, requests two tokens, and stops it. */
async function serveWith(
  variables: Readonly<Record<string, string>>,
  { wrapper = [], words = [] }: { wrapper?: readonly string[]; words?: readonly string[] } = {},
) {
  const env = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
  const program = ["env", "-i", `PATH=${process.env["PATH"]}`, ...env, ...wrapper, executable];
  const server = await startServer([...MODEL, ...words], {}, program);
  const response = await fetch(`${server.url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ prompt: "hello", max_tokens: 2, ignore_eos: true }),
  });
  const { usage } = (await response.json()) as { usage: { completion_tokens: number } };
  const addon = words.includes("--in-process") ? "" : addonOf(server);
  server.process.kill("SIGTERM");
  return { addon, numTokens: usage.completion_tokens, exitCode: await server.process.exited };
}

/** Path from which the engine has loaded the addon. */
function addonOf(server: ServerProcess): string {
  const maps = readFileSync(`/proc/${enginePid(server)}/maps`, "utf8");
  return /\S+pagoda[^/\s]*\.node/.exec(maps)?.[0] ?? "nowhere";
}

const IN_CACHE = /^pagoda-\w+\.node$/;

beforeAll(() => {
  if (!isDistributable) return;
  writeTinyGguf(at("tiny.gguf"));
  for (const name of ["bin", "built", "home"]) mkdirSync(at(name));
  chmodSync(folder.path, 0o755);
  const { exitCode, stderr } = compile("--outfile", at("built", "pagoda"));
  if (exitCode !== 0) throw new Error(stderr);
  copyFileSync(at("built", "pagoda"), executable);
}, TIMEOUT_MS);
afterAll(folder.remove);

describe.skipIf(!isDistributable)("the executable serves", () => {
  test("from an empty folder, with the addon in the user's cache", async () => {
    const served = await serveWith({ HOME: at("home") });
    const [addon = ""] = readdirSync(at("home", ".cache", "pagoda"));
    expect(addon).toMatch(IN_CACHE);
    expect(served).toEqual({
      addon: at("home", ".cache", "pagoda", addon),
      numTokens: 2,
      exitCode: 0,
    });
    expect(readdirSync(at("bin"))).toEqual(["pagoda"]);
  });

  test("with a damaged addon in the cache, which it replaces", async () => {
    const cache = at("home", ".cache", "pagoda");
    const [addon = ""] = readdirSync(cache);
    writeFileSync(join(cache, addon), "damaged");
    expect(await serveWith({ HOME: at("home") })).toMatchObject({ numTokens: 2, exitCode: 0 });
    expect(readdirSync(cache)).toEqual([addon]);
  });

  testIf(canChangeUser, "the executable as another user: only root can change the user")(
    "as another user without HOME, with the addon in the temp folder",
    async () => {
      const temp = at("temp");
      mkdirSync(temp);
      chmodSync(temp, 0o1777);
      const ids = [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups"];
      const served = await serveWith({ TMPDIR: temp }, { wrapper: ["setpriv", ...ids] });
      expect(served).toMatchObject({ numTokens: 2, exitCode: 0 });
      expect(served.addon).toStartWith(join(temp, `pagoda-${NOBODY}`, "pagoda-"));
    },
  );

  testIf(canMount, "the executable in a hardened container: mounting is not permitted")(
    "with a read-only root, no HOME, and no folder that allows execution",
    async () => {
      const temp = at("noexec");
      mkdirSync(temp);
      const mounts = `for folder in "${temp}" /dev/shm; do
          mount -t tmpfs -o noexec none "$folder"
        done
        mount -o remount,bind,ro / && exec "$@"`;
      const wrapper = ["unshare", "--mount", "bash", "-c", mounts, "bash"];
      const served = await serveWith({ TMPDIR: temp }, { wrapper });
      expect(served).toEqual({ addon: "/memfd:pagoda.node", numTokens: 2, exitCode: 0 });
    },
  );

  testIf(SYSTEM, "an executable that is replaced while it runs: only Linux has /proc")(
    "and restarts its engine from the same build after an update has replaced the file",
    async () => {
      const updated = at("updated");
      linkSync(executable, updated);
      const server = await startServer(MODEL, { HOME: at("home") }, [updated]);
      rmSync(updated);
      writeFileSync(updated, "#!/bin/false\n", { mode: 0o755 });
      process.kill(enginePid(server), "SIGKILL");
      const numRestarts = async () =>
        (await readMetrics(server.url)).get("pagoda_engine_restarts_total{}");
      for (let i = 0; i < 500 && (await numRestarts()) === 0; i++) await Bun.sleep(10);
      expect(await numRestarts()).toBe(1);
      const words = readFileSync(`/proc/${enginePid(server)}/cmdline`, "utf8").split("\0");
      expect(words.slice(0, 2)).toEqual([updated, "engine"]);
      server.process.kill("SIGTERM");
      expect(await server.process.exited).toBe(0);
    },
  );

  testIf(hasEmulator, "the executable on an older CPU: qemu-x86_64 is not installed")(
    "on an x86-64 CPU with AVX2 but no later extensions",
    async () => {
      // A child process would escape the emulator.
      const options = { wrapper: ["qemu-x86_64", "-cpu", "Haswell"], words: ["--in-process"] };
      const served = await serveWith({ HOME: at("home") }, options);
      expect(served).toMatchObject({ numTokens: 2, exitCode: 0 });
    },
    TIMEOUT_MS,
  );
});

describe.skipIf(!isDistributable)("the executable", () => {
  test("reads no .env file in the current folder", () => {
    writeFileSync(at("home", ".env"), "PAGODA_MAX_NUM_SEQS=7\n");
    const child = Bun.spawnSync([executable, "serve", "--print-config"], { cwd: at("home") });
    expect(child.stdout.toString()).toMatch(/^max-num-seqs: 128 .*# default$/m);
  });

  test("cannot be built with an addon for another platform", () => {
    const target = process.arch === "arm64" ? "bun-linux-x64" : "bun-linux-arm64";
    const { exitCode, stderr } = compile("--target", target, "--outfile", at("other"));
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/is an addon for \S+, not for linux-/);
  });

  testIf(hasObjdump, "512-bit registers outside kernels: objdump is not installed")(
    "uses 512-bit registers only in kernels that are selected at run time",
    () => {
      const addon = addonPath(new Checkout());
      const code = Bun.spawnSync(["objdump", "-d", "--no-show-raw-insn", addon]).stdout.toString();
      const users = code.split("\n\n").filter((text) => text.includes("%zmm"));
      const names = users.map((text) => /<(\S+)>:/.exec(text)?.[1] ?? "");
      expect(names.length).toBeGreaterThan(10);
      expect(names.filter((name) => !/6pagoda.*(Avx512|avx512)/.test(name))).toEqual([]);
    },
  );
});
