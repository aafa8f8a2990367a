// Process data from /proc: CPU time, command line and listeners. Null or empty on other systems and for other
// users' processes.

import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import {
  cpuSeconds,
  residentBytes,
  statFields,
  TICKS_PER_SECOND,
} from "../../src/runtime/proc-text.ts";

function read(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}

/** CPU seconds of a process and its live descendants; 0 if it is gone. */
export function cpuSecondsOf(pid: number): number {
  const children = read(`/proc/${pid}/task/${pid}/children`)?.split(" ").filter(Boolean) ?? [];
  return children.reduce((sum, child) => sum + cpuSecondsOf(Number(child)), ownSecondsOf(pid));
}

function ownSecondsOf(pid: number): number {
  const stat = read(`/proc/${pid}/stat`);
  return stat === null ? 0 : cpuSeconds(statFields(stat));
}

/** Resident memory of a process; 0 if it is gone. */
export function residentBytesOf(pid: number): number {
  return residentBytes(read(`/proc/${pid}/status`) ?? "") || 0;
}

/** The machine's CPU seconds since boot. */
export interface MachineCpu {
  readonly busyS: number;
  readonly stealS: number;
}

/** @param stat contents of /proc/stat: user nice system idle iowait irq softirq steal, in ticks */
export function machineCpu(stat: string | null = read("/proc/stat")): MachineCpu | null {
  if (stat === null) return null;
  const [line = ""] = stat.split("\n");
  const ticks = line.trim().split(/\s+/).slice(1).map(Number);
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = ticks;
  const busyS = (user + nice + system + irq + softirq) / TICKS_PER_SECOND;
  return { busyS, stealS: steal / TICKS_PER_SECOND };
}

/** Program and arguments of a process. */
export function commandOf(pid: number): string[] | null {
  return read(`/proc/${pid}/cmdline`)?.split("\0").slice(0, -1) ?? null;
}

const LISTENING = "0A";

/** The local process that listens on a TCP port. */
export function pidListeningOn(port: number): number | null {
  const inode = inodeListeningOn(port);
  if (inode === null) return null;
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  const pid = pids.find((candidate) => holdsSocket(candidate, inode));
  return pid === undefined ? null : Number(pid);
}

function inodeListeningOn(port: number): string | null {
  const end = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const lines = ["tcp", "tcp6"].flatMap((table) => (read(`/proc/net/${table}`) ?? "").split("\n"));
  const rows = lines.map((line) => line.trim().split(/\s+/));
  return rows.find((row) => row[1]?.endsWith(end) && row[3] === LISTENING)?.[9] ?? null;
}

function holdsSocket(pid: string, inode: string): boolean {
  try {
    const folder = `/proc/${pid}/fd`;
    return readdirSync(folder).some((fd) => linkOf(`${folder}/${fd}`) === `socket:[${inode}]`);
  } catch {
    return false;
  }
}

function linkOf(path: string): string | null {
  try {
    return readlinkSync(path);
  } catch {
    return null;
  }
}
