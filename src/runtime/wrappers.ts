// Finds the wrappers that started this process: `bun run`, `npx`, `npm run`, and the shell in between. SIGTERM
// kills npm's shell, and npm with it, but their children would keep running with nothing to stop them. So the
// exit of a wrapper stops this process, as SIGTERM does.

import { readFileSync } from "node:fs";
import { constants } from "node:os";
import { basename } from "node:path";
import { ignoresSignal, statFields } from "./proc-text.ts";

/** Facts that distinguish wrappers from other processes. */
export interface ProcessFacts {
  readonly pid: number;
  readonly groupId: number;
  /** Words of its command line. */
  readonly words: readonly string[];
  /** Whether SIGQUIT is ignored, as in a background job of a shell without job control. */
  readonly ignoresQuit: boolean;
}

/**
 * @param family this process, its parent, the parent's parent and so on
 * @returns ancestors, from the parent up, that only wait for this process. Other ancestors (a terminal's
 *   shell, a script, a service manager) can exit and leave this process running on purpose
 */
export function wrappersIn(family: readonly ProcessFacts[]): ProcessFacts[] {
  const [self, ...ancestors] = family;
  const end = ancestors.findIndex((ancestor, i) => {
    if (ancestor.groupId !== self?.groupId) return true;
    if (isRunner(ancestor.words)) return false;
    const [below, above] = [family[i], ancestors[i + 1]];
    const isWaiting = below?.ignoresQuit !== true && isShellCommand(ancestor.words);
    return !isWaiting || !isRunner(above?.words ?? []);
  });
  return end === -1 ? ancestors : ancestors.slice(0, end);
}

const PACKAGE_RUNNERS = /^(npm|npx|pnpm|pnpx|yarn|yarnpkg|bunx)(-cli)?(\.c?js)?$/;

/** Recognizes npm, whose title is "npm exec ...", and other package runners, which are scripts run by node. */
function isRunner(words: readonly string[]): boolean {
  const [program = "", ...rest] = words;
  const name = basename(program);
  if (name === "node") return PACKAGE_RUNNERS.test(basename(rest[0] ?? ""));
  if (PACKAGE_RUNNERS.test(name)) return true;
  if (!/^bun(\.exe)?$/.test(name)) return false;
  const [verb = "", script = ""] = rest.filter((word) => !word.startsWith("-"));
  // `bun run file.ts` is the program itself, and `bun test` does more than wait.
  return verb === "run" ? isScriptName(script) : isScriptName(verb) && verb !== "test";
}

/** @returns whether a word names a script in package.json, not a file */
function isScriptName(word: string): boolean {
  return word !== "" && !/[./]/.test(word);
}

function isShellCommand([program = "", flag]: readonly string[]): boolean {
  return /^(ba|da|z|a)?sh$/.test(basename(program)) && flag === "-c";
}

const POLL_MS = 250;

let watch: ReturnType<typeof setInterval> | null = null;

/**
 * Sends SIGTERM to this process when a wrapper exits. Works only on Linux, where wrappers can be found.
 */
export function endWithWrappers(): void {
  const starts = new Map(wrappersIn(familyOf(process.pid)).map(({ pid }) => [pid, startOf(pid)]));
  if (watch !== null || starts.size === 0) return;
  const isHere = ([pid, start]: [number, number | null]) =>
    start !== null && startOf(pid) === start;
  watch = setInterval(() => {
    if ([...starts].every(isHere)) return;
    forgetWrappers();
    process.kill(process.pid, "SIGTERM");
  }, POLL_MS);
  watch.unref();
}

export function forgetWrappers(): void {
  if (watch !== null) clearInterval(watch);
  watch = null;
}

/** @returns the process itself, then its ancestors as far as /proc shows them */
function familyOf(pid: number): ProcessFacts[] {
  const family: ProcessFacts[] = [];
  for (let next = pid; next > 0; ) {
    const member = memberOf(next);
    if (member === null) break;
    family.push(member.facts);
    next = member.parentPid;
  }
  return family;
}

function memberOf(pid: number): { facts: ProcessFacts; parentPid: number } | null {
  const [stat, status] = [fileOf(pid, "stat"), fileOf(pid, "status")];
  if (stat === null || status === null) return null;
  const field = statFields(stat);
  const facts: ProcessFacts = {
    pid,
    groupId: field(5),
    // A process that sets its title leaves a single string, padded if the old one was longer.
    words: (fileOf(pid, "cmdline") ?? "").split(/[\0 ]+/).filter((word) => word !== ""),
    ignoresQuit: ignoresSignal(status, constants.signals.SIGQUIT),
  };
  return { facts, parentPid: field(4) };
}

/**
 * @returns start time of a process in ticks since boot, to detect that its PID was reused; null if it has
 * exited
 */
function startOf(pid: number): number | null {
  const stat = fileOf(pid, "stat");
  return stat === null || /\) [ZX] /.test(stat) ? null : statFields(stat)(22);
}

function fileOf(pid: number, name: string): string | null {
  try {
    return readFileSync(`/proc/${pid}/${name}`, "utf8");
  } catch {
    return null;
  }
}
