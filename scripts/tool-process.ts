// Stops tools together with the script that started them. Each tool runs in its own session
// (`detached`), so one signal reaches everything that it has started: cmake-js starts cmake, and
// cmake starts ninja.

import { constants } from "node:os";
import { ignoresSignal } from "../src/runtime/proc-text.ts";
import { orEmpty, readText } from "../src/runtime/system.ts";
import { endWithWrappers } from "../src/runtime/wrappers.ts";

type StopSignal = "SIGINT" | "SIGTERM" | "SIGHUP";

/**
 * Signals to handle, which exclude SIGHUP under `nohup`, because a handler would undo the effect of `nohup`.
 */
const STOP_SIGNALS: readonly StopSignal[] = isNohup()
  ? ["SIGINT", "SIGTERM"]
  : ["SIGINT", "SIGTERM", "SIGHUP"];

function isNohup(): boolean {
  const status = orEmpty(readText)("/proc/self/status");
  return ignoresSignal(status, constants.signals.SIGHUP);
}

/** Time allowed for tools to remove half-written files. */
const GRACE_MS = 5000;

const running = new Set<Bun.Subprocess>();
let isEnding = false;

/**
 * Waits for the tool to exit. Must be called as soon as the tool runs: from then on, anything that stops
 * this script (a signal or the exit of its wrappers) stops the tool first.
 * @param tool a tool started with `detached`
 * @returns its exit code; never resolves after such a signal
 */
export async function endOf(tool: Bun.Subprocess): Promise<number> {
  running.add(tool);
  if (running.size === 1) for (const signal of STOP_SIGNALS) process.on(signal, endAll);
  endWithWrappers();
  const exitCode = await tool.exited;
  if (isEnding) return new Promise(() => {});
  running.delete(tool);
  if (running.size === 0) for (const signal of STOP_SIGNALS) process.off(signal, endAll);
  return exitCode;
}

async function endAll(signal: StopSignal): Promise<void> {
  if (isEnding) return;
  isEnding = true;
  const groups = [...running].map(({ pid }) => pid);
  const sendAll = (sent: NodeJS.Signals | 0) => groups.filter((group) => send(group, sent));
  sendAll("SIGTERM");
  const deadline = performance.now() + GRACE_MS;
  while (sendAll(0).length > 0 && performance.now() < deadline) await Bun.sleep(20);
  sendAll("SIGKILL");
  process.exit(128 + constants.signals[signal]);
}

/** @returns whether any process in the group remains */
function send(group: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-group, signal);
  } catch {
    return false;
  }
}
