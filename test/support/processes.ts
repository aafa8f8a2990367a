// System information about processes that a test has started: children, memory, whether they live.

import { readFileSync } from "node:fs";
import { residentBytes } from "../../src/runtime/proc-text.ts";
import type { ServerProcess } from "./server-process.ts";

export function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
  return text === "" ? [] : text.split(" ").map(Number);
}

/** The process and all its descendants. */
export function familyOf(pid: number): number[] {
  return [pid, ...childrenOf(pid).flatMap(familyOf)];
}

/** Engine process of a server; a new one after each crash. @throws when there is none now */
export function enginePid(server: Pick<ServerProcess, "process">): number {
  const [pid, ...others] = childrenOf(server.process.pid).filter(isAlive);
  if (pid === undefined || others.length > 0)
    throw new Error("the server does not have exactly one child");
  return pid;
}

export function residentBytesOf(pid: number): number {
  return residentBytes(readFileSync(`/proc/${pid}/status`, "utf8"));
}

/** A zombie counts as ended. */
export function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

/** @throws when it has not ended in time */
export async function untilGone(pid: number, timeoutMs: number): Promise<void> {
  for (const startMs = performance.now(); isAlive(pid); await Bun.sleep(10)) {
    if (performance.now() - startMs > timeoutMs) throw new Error(`process ${pid} is still alive`);
  }
}
