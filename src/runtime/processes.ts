// Lists this user's processes and their listening sockets from Linux's /proc, so no state file can be left
// behind. On other systems, the lists are empty.

import { readdirSync, readlinkSync } from "node:fs";
import { resolve } from "node:path";
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

/** @returns TCP addresses that one of this user's processes listens on */
export function listenersOf(pid: number): Listener[] {
  const sockets = socketsOf(pid);
  return ["tcp", "tcp6"].flatMap((table) => {
    const rows = linesOf(pid, table).map((line) => line.trim().split(/\s+/));
    const ours = rows.filter((row) => row[3] === LISTENING && sockets.has(`socket:[${row[9]}]`));
    return ours.map((row) => listenerOf(row[1] ?? ""));
  });
}

/** @returns paths of Unix sockets that one of this user's processes listens on */
export function socketFilesOf(pid: number): string[] {
  const sockets = socketsOf(pid);
  const rows = linesOf(pid, "unix").map((line) => UNIX_ROW.exec(line) ?? []);
  const ours = rows.filter(
    ([, flags, inode]) => flags === ACCEPTING && sockets.has(`socket:[${inode}]`),
  );
  // The table shows the path that the process used, which can be relative to its folder.
  const folder = linkOf(`/proc/${pid}/cwd`) ?? "/";
  return ours
    .map(([, , , path = ""]) => path)
    .filter((path) => !path.startsWith(ABSTRACT))
    .map((path) => resolve(folder, path));
}

/** Matches the flags, the inode and the path of a Unix socket that has one. */
const UNIX_ROW = /^\S+ \S+ \S+ (\S+) \S+ \S+ +(\d+) (.+)$/;
/** First character of a name that is not a path. */
const ABSTRACT = "@";

function socketsOf(pid: number): Set<string | null> {
  return new Set(entriesOf(`/proc/${pid}/fd`).map((fd) => linkOf(`/proc/${pid}/fd/${fd}`)));
}

/** @returns lines without the header */
function linesOf(pid: number, name: string): string[] {
  return (textOf(`/proc/${pid}/net/${name}`) ?? "").split("\n").slice(1);
}

/** "0100007F:1F90" -> 127.0.0.1:8000. Wildcard addresses are replaced by the loopback address. */
function listenerOf(local: string): Listener {
  const [address = "", port = ""] = local.split(":");
  const isAny = /^0+$/.test(address);
  return { host: isAny ? "127.0.0.1" : hostOf(address), port: Number.parseInt(port, 16) };
}

/** @param address 4 or 16 bytes, hex; each group of four is reversed */
function hostOf(address: string): string {
  const words = address.match(/.{8}/g) ?? [];
  const bytes = words.flatMap((word) => word.match(/../g)?.reverse() ?? []);
  if (bytes.length === 4) return bytes.map((byte) => Number.parseInt(byte, 16)).join(".");
  const groups = bytes.join("").match(/.{4}/g) ?? [];
  return new URL(`http://[${groups.join(":")}]`).hostname;
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
