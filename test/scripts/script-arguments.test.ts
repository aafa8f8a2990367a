// Every user-facing script has help text, and does nothing if it gets unknown arguments.

import { afterAll, describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { bareClone, removeTempFolders } from "../support/temp-checkout.ts";

afterAll(removeTempFolders);

const ROOT = join(import.meta.dir, "../..");

const SCRIPTS = [
  ...["compile", "fault-soak", "fetch-bench-model", "generate-cli-docs", "generate-metrics-docs"],
  ...["move-pin", "package", "sanitize", "setup", "test", "test-python"],
].map((name) => `scripts/${name}.ts`);
const ALL = [...SCRIPTS, "scripts/pagoda.ts", "bench/main.ts"];

function run(script: string, ...words: string[]) {
  const { PATH = "", HOME = "" } = process.env;
  const { exitCode, stdout, stderr } = Bun.spawnSync([process.execPath, script, ...words], {
    cwd: ROOT,
    env: { PATH, HOME },
  });
  return { exitCode, stdout: stdout.toString(), stderr: stderr.toString() };
}

test.each(ALL)("%s --help describes the script", (script) => {
  const { exitCode, stdout, stderr } = run(script, "--help");
  expect([exitCode, stderr]).toEqual([0, ""]);
  expect(stdout).not.toContain("Error");
  expect(stdout.split("\n").length).toBeGreaterThan(1);
});

test.each(["bench", "compile", "test", "test:asan"])(
  "bun run %s --help works in a bare clone before any setup",
  (name) => {
    const folder = bareClone();
    const { exitCode, stdout } = Bun.spawnSync([process.execPath, "run", name, "--help"], {
      cwd: folder,
      stderr: "ignore",
    });
    expect(exitCode).toBe(0);
    expect(stdout.toString()).toStartWith("bun ");
    expect(readdirSync(folder).sort()).toEqual([
      "bench",
      "bun.lock",
      "package.json",
      "scripts",
      "src",
    ]);
  },
);

test.each(SCRIPTS)("%s --nonsense causes a one-line error", (script) => {
  expect(run(script, "--nonsense")).toEqual({
    ...{ exitCode: 2, stdout: "" },
    stderr: "error: Unknown option '--nonsense'; see --help\n",
  });
});

describe("an invalid value", () => {
  test.each([
    ["fault-soak", ["--faults", "many"], "--faults must be a whole number, got many"],
    ["fault-soak", ["--signals", "SIGSEGV,SIGFOO"], "unknown signal SIGFOO"],
    ["fault-soak", ["--every", "-1x"], "Option '--every' argument is ambiguous"],
    ["fault-soak", ["--every", "soon"], "--every must be a number of seconds, got soon"],
    ["fault-soak", ["--report"], "Option '--report <value>' argument missing"],
    ["move-pin", [], "name one package or commit"],
    ["sanitize", ["msan"], "unknown sanitizer msan; available: asan, tsan"],
    ["test", ["slow"], "unknown test group slow; available: unit, native, model"],
    ["generate-cli-docs", ["now"], "Unexpected argument 'now'"],
  ])("%s %p", (name, words, message) => {
    expect(run(`scripts/${name}.ts`, ...words)).toEqual({
      ...{ exitCode: 2, stdout: "", stderr: `error: ${message}; see --help\n` },
    });
  });
});
