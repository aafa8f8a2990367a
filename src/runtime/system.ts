// Files, memory and process statistics.

import { isUtf8 } from "node:buffer";
import {
  appendFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
} from "node:fs";
import { ConfigError } from "../errors.ts";
import { fileFault } from "./file-fault.ts";
import { cpuSeconds, residentBytes, statFields, TICKS_PER_SECOND } from "./proc-text.ts";

/** Reads a text file. Can throw. */
export type ReadFile = (path: string) => string;

/** @returns whether the program is a single executable; its sources are then under /$bunfs */
export function isBundled(): boolean {
  // Deno has no import.meta.path.
  return import.meta.url.startsWith("file:///$bunfs/");
}

export function fileExists(path: string): boolean {
  return existsSync(path);
}

export function isFolder(path: string): boolean {
  return statsOf(path)?.isDirectory() === true;
}

/** @returns whether a path is a regular file, unlike a pipe or a device, which could block its reader */
export function isPlainFile(path: string): boolean {
  return statsOf(path)?.isFile() === true;
}

/** Error codes for a path to nothing: a missing file, a file in place of a folder, a loop of links, or a long name. */
const NOWHERE = ["ENOENT", "ENOTDIR", "ELOOP", "ENAMETOOLONG"];

function statsOf(path: string): Stats | null {
  try {
    return statSync(path);
  } catch (error) {
    if (NOWHERE.includes(String((error as NodeJS.ErrnoException).code))) return null;
    throw error;
  }
}

/** Contents of pipes by path. A pipe such as `<(...)` in a shell or /dev/stdin can be read only once. */
const PIPES = new Map<string, Buffer>();

function readBytes(path: string): Buffer {
  const kept = PIPES.get(path);
  if (kept !== undefined) return kept;
  const bytes = readFileSync(path);
  if (!isPlainFile(path)) PIPES.set(path, bytes);
  return bytes;
}

/** Reads a text file, with U+FFFD for invalid UTF-8. A pipe yields the same text each time. */
export function readText(path: string): string {
  return readBytes(path).toString();
}

/** Reads a text file whose text must be exact. @throws an Error if it cannot be read or is not UTF-8 */
export function readUtf8(path: string): string {
  const bytes = readBytes(path);
  if (!isUtf8(bytes)) throw new Error("its text is not UTF-8");
  return bytes.toString();
}

/** @throws ConfigError "cannot_write" */
export function writeText(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (cause) {
    throw cannotWrite(path, cause);
  }
}

/**
 * Checks before any work is done that a result file can be written. Leaves its content unchanged and
 * creates no file.
 * @throws ConfigError "cannot_write"
 */
export function checkWritable(path: string): void {
  const isNew = !existsSync(path);
  try {
    appendFileSync(path, "");
    // The path can be a link.
    if (isNew) rmSync(realpathSync(path));
  } catch (cause) {
    throw cannotWrite(path, cause);
  }
}

function cannotWrite(path: string, cause: unknown): ConfigError {
  return new ConfigError("cannot_write", `cannot write ${path}: ${fileFault(cause)}`, { cause });
}

/** @throws ConfigError "config_file" */
export function readYaml(path: string): Record<string, unknown> {
  try {
    const value = Bun.YAML.parse(readUtf8(path));
    if (value === null || value === undefined) return {};
    if (typeof value === "object" && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch (cause) {
    const reason = fileFault(cause);
    throw new ConfigError("config_file", `cannot read ${path}: ${reason}`, { cause });
  }
  throw new ConfigError("config_file", `${path} must contain options as "name: value" lines`);
}

/**
 * @returns memory that can be used without swapping, bytes: the system's available memory, or less if the
 *   container or this process has a limit; null if the system does not report it
 */
export function availableMemory(readFile: ReadFile = readText): number | null {
  const read = orEmpty(readFile);
  const freeKib = /^MemAvailable:\s+(\d+) kB/m.exec(read("/proc/meminfo"))?.[1];
  if (freeKib === undefined) return null;
  return Math.min(Number(freeKib) * 1024, containerMemory(read), addressSpaceLeft(read));
}

/** @returns address space that `ulimit -v` leaves for this process, bytes */
function addressSpaceLeft(read: ReadFile): number {
  const limit = /^Max address space\s+(\d+)/m.exec(read("/proc/self/limits"))?.[1];
  const usedKib = /^VmSize:\s+(\d+) kB/m.exec(read("/proc/self/status"))?.[1];
  if (limit === undefined || usedKib === undefined) return Number.POSITIVE_INFINITY;
  return Math.max(0, Number(limit) - Number(usedKib) * 1024);
}

/**
 * @returns share of memory in use, 0..1: of the system's memory or of the container's limit, whichever is
 *   higher, without file cache that the kernel can reclaim; null if the system does not report it
 */
export function memoryUse(readFile: ReadFile = readText): number | null {
  const read = orEmpty(readFile);
  const text = read("/proc/meminfo");
  const kib = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(text)?.[1]);
  const use = 1 - kib("MemAvailable") / kib("MemTotal");
  if (Number.isNaN(use)) return null;
  const container = containerFigures(read);
  return container === null ? use : Math.max(use, container.used / container.limit);
}

/** Wraps `readFile` to return "" instead of throwing. */
export function orEmpty(readFile: ReadFile): ReadFile {
  return (path) => {
    try {
      return readFile(path);
    } catch {
      return "";
    }
  };
}

function containerMemory(read: ReadFile): number {
  const container = containerFigures(read);
  if (container === null) return Number.POSITIVE_INFINITY;
  return Math.max(0, container.limit - container.used);
}

/** @returns cgroup v2 limit and use of memory, bytes, without reclaimable file cache; null if there is no limit */
function containerFigures(read: ReadFile): { limit: number; used: number } | null {
  const limit = Number.parseInt(read("/sys/fs/cgroup/memory.max"), 10);
  const current = Number.parseInt(read("/sys/fs/cgroup/memory.current"), 10);
  const cached = /^inactive_file (\d+)$/m.exec(read("/sys/fs/cgroup/memory.stat"))?.[1];
  const used = current - Number(cached ?? 0);
  return Number.isNaN(limit - used) ? null : { limit, used };
}

/** @returns statistics of this process as Python's client reads them from /proc; null on other systems */
export function processStats() {
  try {
    const field = statFields(readText("/proc/self/stat"));
    const bootTime = Number(/^btime (\d+)/m.exec(readText("/proc/stat"))?.[1]);
    return {
      virtualMemoryBytes: field(23),
      residentMemoryBytes: residentBytes(readText("/proc/self/status")),
      startTimeS: bootTime + field(22) / TICKS_PER_SECOND,
      cpuSeconds: cpuSeconds(field),
      openFds: readdirSync("/proc/self/fd").length,
      maxFds: Number(/^Max open files\s+(\d+)/m.exec(readText("/proc/self/limits"))?.[1]),
    };
  } catch {
    return null;
  }
}
