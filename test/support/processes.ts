// System information about processes that a test has started: children, memory, and whether they are alive.

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

/** Process ID of a server's engine, which changes after each crash. @throws if there is none */
export function enginePid(server: Pick<ServerProcess, "process">): number {
  const [pid, ...others] = childrenOf(server.process.pid).filter(isAlive);
  if (pid === undefined || others.length > 0)
    throw new Error("the server does not have exactly one child");
  return pid;
}

export function residentBytesOf(pid: number): number {
  return residentBytes(readFileSync(`/proc/${pid}/status`, "utf8"));
}

/** @returns whether a process is running; zombies do not count */
export function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

/** Waits until a process has exited. @throws after the timeout */
export async function untilGone(pid: number, timeoutMs: number): Promise<void> {
  for (const startMs = performance.now(); isAlive(pid); await Bun.sleep(10)) {
    if (performance.now() - startMs > timeoutMs) throw new Error(`process ${pid} is still alive`);
  }
}
