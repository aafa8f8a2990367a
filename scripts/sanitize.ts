// Runs the addon's tests under a sanitizer: builds the addon with the sanitizer in a separate folder and runs
// the tests in a copy of the sources. `asan` (AddressSanitizer and UndefinedBehaviorSanitizer) runs for every
// change, `tsan` (ThreadSanitizer) nightly. Every report is a failure.
//
//   bun scripts/sanitize.ts asan | tsan [test such as native/attention ...]
//
// Bun itself is not instrumented. For ThreadSanitizer, the addon annotates the points where its work moves
// between Bun's threads (native/addon/handoff.h); tsan-suppressions.txt covers reads before those points.

import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { addonPath, clearMovedBuild, cmakeJs } from "./build-addon.ts";
import { Checkout } from "./checkout.ts";
import { COMPILER, needTool } from "./needed-tools.ts";
import { countReports } from "./sanitizers/reports.ts";
import { LEFT_OUT, SANITIZERS, type Sanitizer } from "./sanitizers/sanitizers.ts";
import { refuseArguments, scriptArguments } from "./script-arguments.ts";
import { run, runOrFail } from "./shell.ts";
import { endOf } from "./tool-process.ts";

const TEST_TIMEOUT_MS = "60000";

/** Common compiler flags. Without -U_FORTIFY_SOURCE, fortified copies would not be checked. */
const COMMON_FLAGS = ["-O1", "-g1", "-fno-omit-frame-pointer", "-U_FORTIFY_SOURCE"];

/**
 * Timeout enforced from outside, since a native call that hangs blocks every timer in its process.
 */
const FILE_TIMEOUT_MS = 10 * 60_000;

const USAGE = `bun scripts/sanitize.ts asan | tsan [test such as native/attention ...]
Run the addon's tests, or the named ones, under a sanitizer.`;

const { positionals } = scriptArguments(USAGE, { allowPositionals: true });
const [name = "", ...asked] = positionals;
const sanitizer = SANITIZERS[name];
if (sanitizer === undefined)
  refuseArguments(`unknown sanitizer ${name}; available: ${Object.keys(SANITIZERS).join(", ")}`);
const checkout = new Checkout();
const folder = checkout.path("build", name);
/** The folder is hidden so that `bun test` in the project does not find its tests. */
const tree = new Checkout(join(folder, ".tree"));

async function buildAddon({ compilerFlags, targets }: Sanitizer): Promise<void> {
  const options = {
    PAGODA_SANITIZER_FLAGS: [...COMMON_FLAGS, ...compilerFlags].join(";"),
    PAGODA_SANITIZED_TARGETS: targets.join(";"),
    PAGODA_CUDA: "OFF",
    PAGODA_VULKAN: "OFF",
  };
  const words = Object.entries(options).map(([option, value]) => `--CD${option}=${value}`);
  clearMovedBuild(checkout, folder);
  for (const verb of ["configure", "build"] as const) {
    const command = cmakeJs(checkout, verb, folder, words);
    await runOrFail(command, `${verb} for ${name}`, { cwd: checkout.root });
  }
}

/**
 * Copies the sources, since the addon is loaded relative to them and the regular addon must not be replaced.
 */
async function copyTree(): Promise<void> {
  rmSync(tree.root, { recursive: true, force: true });
  const { output } = await run(["git", "-C", checkout.root, "ls-files"]);
  const parts = /^(src|test|scripts|native)\/|^[^/]+\.(json|toml)$/;
  for (const file of output.split("\n").filter((path) => parts.test(path))) {
    mkdirSync(dirname(tree.path(file)), { recursive: true });
    cpSync(checkout.path(file), tree.path(file));
  }
  for (const part of ["node_modules", "models"]) symlinkSync(checkout.path(part), tree.path(part));
  mkdirSync(dirname(addonPath(tree)), { recursive: true });
  cpSync(join(folder, "Release", "pagoda.node"), addonPath(tree));
}

/**
 * @returns environment variables that make a process load the sanitizer and write its reports to
 * files in the folder
 */
async function environment({
  runtimes,
  shims,
  options,
}: Sanitizer): Promise<Record<string, string>> {
  const compiler = needTool({ ...COMPILER, names: [process.env["CXX"] ?? "g++"] });
  const libraries: string[] = [];
  for (const runtime of runtimes) {
    const path = await runOrFail([compiler, `-print-file-name=${runtime}`], compiler);
    if (!existsSync(path)) throw new Error(`${compiler} has no ${runtime}`);
    libraries.push(path);
  }
  for (const shim of shims) {
    const library = join(folder, `${basename(shim, ".cpp")}.so`);
    await runOrFail([compiler, "-O1", "-shared", "-fPIC", shim, "-o", library], `building ${shim}`);
    libraries.push(library);
  }
  const variables = Object.entries(options).map(([variable, words]) => [
    variable,
    [...words, `log_path=${join(folder, "report")}`].join(":"),
  ]);
  return { LD_PRELOAD: libraries.join(" "), ...Object.fromEntries(variables) };
}

interface Ran {
  readonly exitCode: number | null;
  readonly stderr: string;
  /** The sanitizer's reports in this run. */
  readonly reports: string;
  readonly numReports: number;
}

async function runBun(words: readonly string[], env: Record<string, string>): Promise<Ran> {
  for (const file of reportFiles()) rmSync(file);
  const child = Bun.spawn([process.execPath, ...words], {
    cwd: tree.root,
    env: { ...process.env, ...env },
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
    timeout: FILE_TIMEOUT_MS,
    killSignal: "SIGKILL",
    detached: true,
  });
  const ended = endOf(child);
  const stderr = await new Response(child.stderr).text();
  await ended;
  const reports = reportFiles()
    .map((file) => readFileSync(file, "utf8"))
    .join("");
  return {
    exitCode: child.exitCode,
    stderr,
    reports,
    numReports: countReports(reports),
  };
}

function reportFiles(): string[] {
  const names = readdirSync(folder).filter((file) => file.startsWith("report"));
  return names.map((file) => join(folder, file));
}

/** Checks that a planted fault is reported, since otherwise a run that detects nothing would pass. */
async function isSeen(fault: string, env: Record<string, string>): Promise<boolean> {
  const program = tree.path("scripts", "sanitizers", "plant-fault.ts");
  const ran = await runBun([program, addonPath(tree), fault], env);
  const isReported = ran.numReports > 0 && ran.reports.includes(fault);
  console.log(`planted ${fault}: ${isReported ? "reported" : `not reported\n${ran.stderr}`}`);
  return isReported;
}

async function isClean(test: string, env: Record<string, string>): Promise<boolean> {
  const file = `./test/${test}.test.ts`;
  const ran = await runBun(["test", "--timeout", TEST_TIMEOUT_MS, file], env);
  if (ran.exitCode === 0 && ran.numReports === 0) {
    console.log(`${test}: ${/^\s*(\d+ pass)$/m.exec(ran.stderr)?.[1] ?? "no tests"}`);
    return true;
  }
  console.log(`${test}: ${ran.numReports} reports, exit code ${ran.exitCode}`);
  console.log(ran.stderr.slice(-2000), ran.reports);
  return false;
}

/** @returns the addon's tests; prints a reason for each test that is left out */
async function testsOfAddon(): Promise<string[]> {
  const files = await Array.fromAsync(new Bun.Glob("native/*.test.ts").scan(tree.path("test")));
  const tests = files.map((file) => file.replace(/\.test\.ts$/, "")).sort();
  return tests.filter((test) => {
    const why = whyLeftOut(test);
    if (why !== null) console.log(`${test}: left out, ${why}`);
    return why === null;
  });
}

function whyLeftOut(test: string): string | null {
  const text = readFileSync(tree.path("test", `${test}.test.ts`), "utf8");
  if (text.includes("buildSanitized(")) return "builds programs with their own sanitizers";
  return LEFT_OUT[test] ?? null;
}

await buildAddon(sanitizer);
await copyTree();
const env = await environment(sanitizer);
let numPassed = 0;
let numFailed = 0;
const count = (isPassed: boolean) => (isPassed ? numPassed++ : numFailed++);
for (const fault of sanitizer.faults) count(await isSeen(fault, env));
for (const test of asked.length > 0 ? asked : await testsOfAddon()) count(await isClean(test, env));
console.log(`${name}: ${numPassed} passed, ${numFailed} failed`);
process.exit(numFailed === 0 ? 0 : 1);
