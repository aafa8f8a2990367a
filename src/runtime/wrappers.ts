// The wrappers that have started this process: `bun run`, `npx`, `npm run`, and the shell between. npm's
// shell dies of a SIGTERM and npm with it, and what they have started would go on without anybody who
// could stop it: the end of a wrapper ends this process as SIGTERM does.

import { readFileSync } from "node:fs";
import { constants } from "node:os";
import { basename } from "node:path";
import { ignoresSignal, statFields } from "./proc-text.ts";

/** What tells wrappers from other processes. */
export interface ProcessFacts {
  readonly pid: number;
  readonly groupId: number;
  /** Words of its command line, as shown by a list of processes. */
  readonly words: readonly string[];
  /** As a shell without job control makes what it starts with "&", for which it does not wait. */
  readonly ignoresQuit: boolean;
}

/**
 * @param family this process, its parent, the parent's parent and so on
 * @returns those from the parent on that only wait for this process. Anything else, a terminal's shell, a
 *   script or a service manager, may end and leave it running on purpose
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

/** npm shows itself as "npm exec ...", others as scripts of node. */
function isRunner(words: readonly string[]): boolean {
  const [program = "", ...rest] = words;
  const name = basename(program);
  if (name === "node") return PACKAGE_RUNNERS.test(basename(rest[0] ?? ""));
  if (PACKAGE_RUNNERS.test(name)) return true;
  if (!/^bun(\.exe)?$/.test(name)) return false;
  const [verb = "", script = ""] = rest.filter((word) => !word.startsWith("-"));
  // `bun run file.ts` is the program itself; `bun test` does more than wait.
  return verb === "run" ? isScriptName(script) : isScriptName(verb) && verb !== "test";
}

/** Of package.json, and no file. */
function isScriptName(word: string): boolean {
  return word !== "" && !/[./]/.test(word);
}

function isShellCommand([program = "", flag]: readonly string[]): boolean {
  return /^(ba|da|z|a)?sh$/.test(basename(program)) && flag === "-c";
}

const POLL_MS = 250;

let watch: ReturnType<typeof setInterval> | null = null;

/** From now on the end of a wrapper is a SIGTERM to this process. Only Linux tells who they are. */
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

/** Itself first, then up as far as /proc tells. */
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
    // A process that names itself leaves one text, padded where the old one was longer.
    words: (fileOf(pid, "cmdline") ?? "").split(/[\0 ]+/).filter((word) => word !== ""),
    ignoresQuit: ignoresSignal(status, constants.signals.SIGQUIT),
  };
  return { facts, parentPid: field(4) };
}

/** Ticks since boot, which tell it from a later process of its number; null when it has ended. */
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
