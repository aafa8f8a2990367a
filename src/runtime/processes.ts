// Lists this user's processes and their listening sockets from Linux's /proc, so no state file can be left
// behind. On other systems, the lists are empty.

import { readdirSync, readlinkSync } from "node:fs";
import { residentBytes, statFields, TICKS_PER_SECOND } from "./proc-text.ts";
import { readText } from "./system.ts";

export interface RunningProcess {
  readonly pid: number;
  readonly parentPid: number;
  readonly argv: readonly string[];
  readonly residentBytes: number;
  readonly uptimeS: number;
}

/** State of a listening TCP socket. */
const LISTENING = "0A";
/** Flags of a listening Unix socket. */
const ACCEPTING = "00010000";

export function runningProcesses(): RunningProcess[] {
  const uptimeS = Number.parseFloat(textOf("/proc/uptime") ?? "0");
  const pids = entriesOf("/proc").filter((name) => /^\d+$/.test(name));
  return pids.map((pid) => processOf(Number(pid), uptimeS)).filter((one) => one !== null);
}

/** @returns null if the process has exited in the meantime */
function processOf(pid: number, systemUptimeS: number): RunningProcess | null {
  const argv = textOf(`/proc/${pid}/cmdline`)?.split("\0").slice(0, -1);
  const stat = textOf(`/proc/${pid}/stat`);
  const status = textOf(`/proc/${pid}/status`);
  if (argv === undefined || stat === null || status === null) return null;
  const field = statFields(stat);
  return {
    pid,
    parentPid: field(4),
    argv,
    residentBytes: residentBytes(status) || 0,
    uptimeS: systemUptimeS - field(22) / TICKS_PER_SECOND,
  };
}

export interface Listener {
  /** Address for a client on this machine. */
  readonly host: string;
  readonly port: number;
}

/** @returns TCP addresses that a process of this user listens on */
export function listenersOf(pid: number): Listener[] {
  const sockets = socketsOf(pid);
  return ["tcp", "tcp6"].flatMap((table) => {
    const rows = tableOf(pid, table);
    const ours = rows.filter((row) => row[3] === LISTENING && sockets.has(`socket:[${row[9]}]`));
    return ours.map((row) => listenerOf(row[1] ?? ""));
  });
}

/** @returns paths of Unix sockets that a process of this user listens on */
export function socketFilesOf(pid: number): string[] {
  const sockets = socketsOf(pid);
  const rows = tableOf(pid, "unix");
  const ours = rows.filter((row) => row[3] === ACCEPTING && sockets.has(`socket:[${row[6]}]`));
  return ours.map((row) => row.slice(7).join(" ")).filter((path) => path.startsWith("/"));
}

function socketsOf(pid: number): Set<string | null> {
  return new Set(entriesOf(`/proc/${pid}/fd`).map((fd) => linkOf(`/proc/${pid}/fd/${fd}`)));
}

/** @returns the words of each line, without the header */
function tableOf(pid: number, name: string): string[][] {
  const [, ...lines] = (textOf(`/proc/${pid}/net/${name}`) ?? "").trim().split("\n");
  return lines.map((line) => line.trim().split(/\s+/));
}

/** "0100007F:1F90" -> 127.0.0.1:8000. Wildcard and IPv6 addresses are replaced by loopback addresses. */
function listenerOf(local: string): Listener {
  const [address = "", port = ""] = local.split(":");
  const bytes = address.match(/../g)?.map((byte) => Number.parseInt(byte, 16)) ?? [];
  const isV4 = bytes.length === 4 && bytes.some((byte) => byte !== 0);
  const isAnyV6 = bytes.length === 16 && bytes.every((byte) => byte === 0);
  const host = isV4
    ? bytes.reverse().join(".")
    : bytes.length === 4 || isAnyV6
      ? "127.0.0.1"
      : "[::1]";
  return { host, port: Number.parseInt(port, 16) };
}

/** @returns no entries for a process that has exited or belongs to another user */
function entriesOf(folder: string): string[] {
  return orNull(() => readdirSync(folder)) ?? [];
}

function textOf(path: string): string | null {
  return orNull(() => readText(path));
}

function linkOf(path: string): string | null {
  return orNull(() => readlinkSync(path));
}

function orNull<T>(read: () => T): T | null {
  try {
    return read();
  } catch {
    return null;
  }
}
