// What the program needs of the machine and the process: files, memory, process figures, signals.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { YAML } from "bun";
import { ConfigError } from "../errors.ts";

export function fileExists(path: string): boolean {
  return existsSync(path);
}

export function readText(path: string): string {
  return readFileSync(path, "utf8");
}

/** @throws ConfigError "config_file" */
export function readYaml(path: string): Record<string, unknown> {
  try {
    const value = YAML.parse(readText(path));
    if (value === null || value === undefined) return {};
    if (typeof value === "object" && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigError("config_file", `cannot read ${path}: ${reason}`, { cause });
  }
  throw new ConfigError("config_file", `${path} must hold options as "name: value" lines`);
}

/**
 * Memory that can be used without swapping, bytes: what the system has free, or what a container's limit
 * leaves, where that is less; null where the system does not tell.
 */
export function availableMemory(readFile: (path: string) => string = readText): number | null {
  const read = (path: string): string => {
    try {
      return readFile(path);
    } catch {
      return "";
    }
  };
  const freeKib = /^MemAvailable:\s+(\d+) kB/m.exec(read("/proc/meminfo"))?.[1];
  if (freeKib === undefined) return null;
  return Math.min(Number(freeKib) * 1024, containerMemory(read));
}

/** Of cgroup v2, without the file cache that the kernel gives back; infinite without a limit. */
function containerMemory(read: (path: string) => string): number {
  const limit = Number.parseInt(read("/sys/fs/cgroup/memory.max"), 10);
  const used = Number.parseInt(read("/sys/fs/cgroup/memory.current"), 10);
  const cached = /^inactive_file (\d+)$/m.exec(read("/sys/fs/cgroup/memory.stat"))?.[1];
  const left = limit - used + Number(cached ?? 0);
  return Number.isNaN(left) ? Number.POSITIVE_INFINITY : Math.max(0, left);
}

/** Clock ticks of /proc are 100 a second on every Linux that Bun runs on. */
const TICKS_PER_SECOND = 100;

/** Figures of this process as Python's client takes them from /proc; null on other systems. */
export function processStats() {
  try {
    const stat = readText("/proc/self/stat");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const field = (number: number) => Number(fields[number - 3]);
    const bootTime = Number(/^btime (\d+)/m.exec(readText("/proc/stat"))?.[1]);
    return {
      virtualMemoryBytes: field(23),
      residentMemoryBytes:
        Number(/^VmRSS:\s+(\d+) kB/m.exec(readText("/proc/self/status"))?.[1]) * 1024,
      startTimeS: bootTime + field(22) / TICKS_PER_SECOND,
      cpuSeconds: (field(14) + field(15)) / TICKS_PER_SECOND,
      openFds: readdirSync("/proc/self/fd").length,
      maxFds: Number(/^Max open files\s+(\d+)/m.exec(readText("/proc/self/limits"))?.[1]),
    };
  } catch {
    return null;
  }
}

/** Calls `handler` for each SIGINT and SIGTERM. */
export function onStopSignal(handler: (signal: string) => void): void {
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => handler(signal));
}
