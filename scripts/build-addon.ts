// Builds the native addon with cmake-js if one of its inputs has changed; the location of the clone
// is not an input. Objects can be tuned for this machine's CPU, and CMake stores absolute paths, so
// a different CPU, compiler or location requires a new build folder.

import {
  createWriteStream,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  rmSync,
} from "node:fs";
import { availableParallelism, totalmem } from "node:os";
import { join } from "node:path";
import { finished } from "node:stream/promises";
import { BuildProgress } from "./build-progress.ts";
import type { Checkout } from "./checkout.ts";
import { grammarStamp } from "./grammar-library.ts";
import type { Pin } from "./llama-cpp.ts";
import {
  BUILD_TOOLS,
  CMAKE,
  COMPILER,
  GIT,
  hasTool,
  type NeededTool,
  NINJA_OR_MAKE,
  needTool,
  needTools,
} from "./needed-tools.ts";
import { patchFiles } from "./patched-copy.ts";
import { SetupError, say, sayUpToDate } from "./report.ts";
import { run } from "./shell.ts";
import { endOf } from "./tool-process.ts";

/** Spellings of true and false in CMake. */
const SWITCH = /^(on|off|1|0|yes|no|true|false)$/i;
/**
 * Build options from the environment, ON or OFF. If one is unset, CMakeLists.txt detects the
 * backend.
 */
const BUILD_OPTIONS = ["PAGODA_NATIVE", "PAGODA_CUDA", "PAGODA_VULKAN", "PAGODA_METAL"] as const;

/** Together with CCACHE_BASEDIR, lets clones in any folder share objects. Errors keep their full paths. */
const CCACHE = { CCACHE_ABSSTDERR: "true", CCACHE_NOHASHDIR: "true" };

/** Memory budget per compiler process. */
const BYTES_PER_COMPILER = 2 ** 30;

export function addonPath(checkout: Checkout): string {
  return checkout.path("build", "native", "Release", "pagoda.node");
}

/**
 * Lists the tools that the setup needs: before the first build, all tools; after that, only those that detect
 * changes.
 */
export function setupTools(checkout: Checkout): readonly NeededTool[] {
  return existsSync(addonPath(checkout)) ? [GIT, COMPILER] : BUILD_TOOLS;
}

/**
 * Checks before the first build that CMake can work in this folder: CMake separates list items
 * with semicolons.
 * @throws SetupError
 */
export function checkFolder(checkout: Checkout): void {
  const { root } = checkout;
  if (existsSync(addonPath(checkout)) || !root.includes(";")) return;
  throw new SetupError(
    `CMake cannot build in ${root}, whose path contains a semicolon; move the clone`,
  );
}

/** @throws SetupError */
export async function buildAddon(checkout: Checkout, pin: Pin): Promise<void> {
  const compiler = needTool(COMPILER);
  const toolchain = await toolchainStamp(checkout, compiler);
  const sources = checkout.filesIn("native", [".cpp", ".h"]);
  const inputs = [...sources, "CMakeLists.txt", "bun.lock", ...patchFiles(checkout)];
  const stamp = checkout.stampOf(inputs, [pin.commit, toolchain, grammarStamp(checkout)]);
  if (existsSync(addonPath(checkout)) && checkout.readStamp("native") === stamp) {
    sayUpToDate("native addon");
    return;
  }
  needTools([CMAKE, NINJA_OR_MAKE]);
  clearBuildOfOthers(checkout, toolchain);
  const speed = hasTool("ccache") ? " with ccache" : "";
  say(
    `native addon: building${speed}; the first build takes a few minutes (log: build/native.log)`,
  );
  await runCmakeJs(checkout);
  checkout.writeStamp("native", stamp);
  say("native addon: built");
}

/** @returns a hash of the inputs other than sources, which make and ninja do not track */
async function toolchainStamp(checkout: Checkout, compiler: string): Promise<string> {
  const { output: version } = await run([compiler, "--version"]);
  const options = buildOptions(process.env, cpuFlags());
  const platform = `${process.platform} ${process.arch}`;
  return checkout.stampOf([], [platform, version, cpuFlags(), ...options]);
}

function clearBuildOfOthers(checkout: Checkout, toolchain: string): void {
  const folder = checkout.path("build", "native");
  const last = checkout.readStamp("toolchain");
  if (last !== null && last !== toolchain) {
    say("native addon: built for a different CPU, compiler, or set of options; rebuilding");
    rmSync(folder, { recursive: true, force: true });
  }
  checkout.writeStamp("toolchain", toolchain);
  if (clearMovedBuild(checkout, folder))
    say("native addon: built in a different folder; rebuilding");
  clearFailedConfiguration(folder);
}

/**
 * Removes the build folder left by a configuration that failed or was stopped. cmake-js would not
 * configure again, because CMake's cache exists.
 */
function clearFailedConfiguration(folder: string): void {
  const has = (file: string) => existsSync(join(folder, file));
  if (has("CMakeCache.txt") && !has("build.ninja") && !has("Makefile"))
    rmSync(folder, { recursive: true });
}

/**
 * Removes the build folder if the clone was moved or copied, since CMake refuses it and its
 * commands contain the old paths. ccache still finds the objects.
 * @returns whether the folder was removed
 */
export function clearMovedBuild(checkout: Checkout, folder: string): boolean {
  const cache = join(folder, "CMakeCache.txt");
  if (!existsSync(cache)) return false;
  const home = /^CMAKE_HOME_DIRECTORY:INTERNAL=(.*)$/m.exec(readFileSync(cache, "utf8"))?.[1];
  if (home === undefined || isSameFolder(home, checkout.root)) return false;
  rmSync(folder, { recursive: true });
  return true;
}

const isSameFolder = (a: string, b: string) => existsSync(a) && realpathSync(a) === realpathSync(b);

/**
 * Builds options for cmake-js, such as `--CDPAGODA_CUDA=OFF`. Portable addons require AVX2, so an
 * x86-64 CPU without it gets a tuned addon unless the environment overrides that.
 * @param flags CPU flags as reported by Linux; empty = unknown
 */
export function buildOptions(
  env: Readonly<Record<string, string | undefined>>,
  flags: string,
  arch: string = process.arch,
): string[] {
  const isOld = arch === "x64" && flags !== "" && !/ avx2\b/.test(flags);
  const options = isOld ? { PAGODA_NATIVE: "ON", ...env } : env;
  return BUILD_OPTIONS.flatMap((name) => {
    const value = options[name];
    if (!value) return [];
    if (SWITCH.test(value)) return [`--CD${name}=${value}`];
    throw new SetupError(`${name}: expected ON or OFF, got ${value}`);
  });
}

/** @returns a command line for cmake-js @param options build options such as `--CDPAGODA_CUDA=OFF` */
export function cmakeJs(
  checkout: Checkout,
  verb: "configure" | "build",
  folder: string,
  options: readonly string[],
): string[] {
  const tool = checkout.path("node_modules", "cmake-js", "bin", "cmake-js");
  return [process.execPath, tool, verb, "-O", folder, ...options];
}

async function runCmakeJs(checkout: Checkout): Promise<void> {
  const options = buildOptions(process.env, cpuFlags());
  const parallel = { CMAKE_BUILD_PARALLEL_LEVEL: String(numCompilers()) };
  const child = Bun.spawn(cmakeJs(checkout, "build", "build/native", options), {
    cwd: checkout.root,
    env: { ...CCACHE, CCACHE_BASEDIR: checkout.root, ...parallel, ...process.env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    detached: true,
  });
  const ended = endOf(child);
  mkdirSync(checkout.path("build"), { recursive: true });
  const log = createWriteStream(checkout.path("build", "native.log"));
  const progress = new BuildProgress((line) => say(`native addon: ${line}`));
  const follow = async (stream: ReadableStream<Uint8Array>) => {
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      log.write(chunk);
      progress.read(decoder.decode(chunk, { stream: true }));
    }
  };
  await Promise.all([follow(child.stdout), follow(child.stderr)]);
  log.end();
  await finished(log);
  if ((await ended) === 0 && existsSync(addonPath(checkout))) return;
  throw new SetupError(
    `the native build failed: ${progress.fault()} (whole log: build/native.log)`,
  );
}

function numCompilers(): number {
  return Math.max(1, Math.min(availableParallelism(), Math.floor(totalmem() / BYTES_PER_COMPILER)));
}

function cpuFlags(): string {
  try {
    return /^(flags|Features)\s*:.*$/m.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[0] ?? "";
  } catch {
    return "";
  }
}
