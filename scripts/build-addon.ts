// Builds the native addon through cmake-js. Skipped when nothing that goes into it has changed,
// this machine's CPU included.

import { createWriteStream, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { PIN, patchFiles } from "./llama-cpp.ts";
import { SetupError, say, sayUpToDate } from "./report.ts";
import { hasTool, needTool } from "./shell.ts";
import { BUILD, filesIn, isStamped, ROOT, stampOf, writeStamp } from "./stamps.ts";

const ADDON = join(BUILD, "native", "Release", "pagoda.node");
const LOG = join(BUILD, "native.log");

/** @throws SetupError */
export async function buildAddon(): Promise<void> {
  const stamp = stampOf(
    [...filesIn("native", [".cpp", ".h"]), "CMakeLists.txt", ...patchFiles()],
    [PIN.commit, cpuFlags(), process.arch, process.platform],
  );
  if (existsSync(ADDON) && isStamped("native", stamp)) {
    sayUpToDate("native addon");
    return;
  }
  needTool(["cmake"], "cmake", "brew install cmake");
  needTool(["c++", "g++", "clang++"], "g++", "xcode-select --install");
  needTool(["ninja", "make"], "ninja-build", "brew install ninja");
  const speed = hasTool("ccache") ? " with ccache" : "";
  say(`native addon: building${speed}; the first time takes some minutes (log: build/native.log)`);
  await cmakeJs();
  writeStamp("native", stamp);
  say("native addon: built");
}

async function cmakeJs(): Promise<void> {
  const tool = join(ROOT, "node_modules", "cmake-js", "bin", "cmake-js");
  const child = Bun.spawn([process.execPath, tool, "build", "-O", join("build", "native")], {
    cwd: ROOT,
    env: { ...process.env, CMAKE_BUILD_PARALLEL_LEVEL: String(navigator.hardwareConcurrency) },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const log = createWriteStream(LOG);
  const progress = new BuildProgress();
  const follow = async (stream: ReadableStream<Uint8Array>) => {
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      log.write(chunk);
      progress.read(decoder.decode(chunk, { stream: true }));
    }
  };
  await Promise.all([follow(child.stdout), follow(child.stderr)]);
  log.end();
  if ((await child.exited) === 0 && existsSync(ADDON)) return;
  const errors = progress.tail.filter((line) => /error|fatal/i.test(line)).slice(0, 3);
  const reason = (errors.length > 0 ? errors : progress.tail.slice(-3)).join(" | ");
  throw new SetupError(`the native build failed: ${reason} (whole log: build/native.log)`);
}

/** Shows `[ 41/213]` or ` 41%` of the build tool, at most every 10 s, or every second on a terminal. */
class BuildProgress {
  readonly tail: string[] = [];
  #shownMs = 0;

  read(text: string): void {
    for (const line of text.split("\n").filter((part) => part.trim() !== "")) {
      this.tail.push(line);
      if (this.tail.length > 60) this.tail.shift();
      const step = /^\[\s*(\d+\/\d+|\d+%)\]/.exec(line);
      if (step !== null) this.#show(step[0]);
    }
  }

  #show(step: string): void {
    const intervalMs = process.stderr.isTTY ? 1_000 : 10_000;
    if (performance.now() - this.#shownMs < intervalMs) return;
    this.#shownMs = performance.now();
    say(`native addon: ${step}`);
  }
}

/** The build is made for this CPU, so another one needs another build. */
function cpuFlags(): string {
  try {
    return /^flags\s*:(.*)$/m.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1] ?? "";
  } catch {
    return "";
  }
}
