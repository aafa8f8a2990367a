// Loads the native addon inside a compiled executable. Bun would unpack it into the temp folder, which
// hardened machines mount as noexec. This code writes it to the first folder that allows loading it, where
// later starts find it. If no folder works on Linux, it uses a file in memory.

import { randomBytes } from "node:crypto";
import {
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { isAbsolute, join } from "node:path";

/** Name that the bundler gives the addon, with a hash of its content. */
const NAME = /^pagoda.*\.node$/;

type Env = Readonly<Record<string, string | undefined>>;

/**
 * @returns the addon's exports; null in a program that is not an executable or has no addon
 * @throws Error that lists each folder and the reason it failed
 */
export async function loadEmbeddedAddon(env: Env = process.env): Promise<object | null> {
  const files = typeof Bun === "undefined" ? [] : Bun.embeddedFiles;
  const file = (files as readonly File[]).find(({ name }) => NAME.test(name));
  if (file === undefined) return null;
  const bytes = new Uint8Array(await file.arrayBuffer());
  const reasons: string[] = [];
  for (const folder of addonFolders(env, process.getuid?.() ?? 0)) {
    try {
      return openAddon(placeFile(folder, file.name, bytes));
    } catch (error) {
      reasons.push(`${folder}: ${reasonOf(error)}`);
    }
  }
  try {
    return await openFromMemory(bytes);
  } catch (error) {
    reasons.push(`memory: ${reasonOf(error)}`);
  }
  const advice = "set XDG_CACHE_HOME to a folder of your own that allows execution";
  throw new Error(`found no place to load it from: ${reasons.join("; ")}; ${advice}`);
}

/** @returns folders for the addon, best first; one per user if the parent folder is shared */
export function addonFolders(env: Env, uid: number): string[] {
  const own = [env["XDG_CACHE_HOME"], env["HOME"] && join(env["HOME"], ".cache")];
  const shared = [env["TMPDIR"] || "/tmp", "/dev/shm"];
  const folders = [
    ...own.map((folder) => folder && join(folder, "pagoda")),
    ...shared.map((folder) => join(folder, `pagoda-${uid}`)),
  ];
  return folders.filter((folder) => folder !== undefined && isAbsolute(folder)) as string[];
}

/**
 * Writes the file atomically, unless it already exists.
 * @returns its path
 * @throws Error if it cannot be written, or if other users could have replaced it
 */
export function placeFile(folder: string, name: string, bytes: Uint8Array): string {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  checkOwn(folder);
  const path = join(folder, name);
  if (existsSync(path) && readFileSync(path).equals(bytes)) return path;
  const partial = `${path}.${randomBytes(6).toString("hex")}`;
  try {
    writeFileSync(partial, bytes, { mode: 0o700, flag: "wx" });
    renameSync(partial, path);
  } catch (error) {
    rmSync(partial, { force: true });
    throw error;
  }
  return path;
}

function checkOwn(folder: string): void {
  const { uid, mode } = lstatSync(folder);
  const isOwn = process.getuid === undefined || uid === process.getuid();
  if (!isOwn || (mode & 0o022) !== 0) throw new Error("other users can write to it");
}

function openAddon(path: string): object {
  const module = { exports: {} };
  process.dlopen(module, path);
  return module.exports;
}

async function openFromMemory(bytes: Uint8Array): Promise<object> {
  if (process.platform !== "linux") throw new Error("needs Linux");
  const { dlopen, FFIType } = await import("bun:ffi");
  const { symbols } = dlopen("libc.so.6", {
    memfd_create: { args: [FFIType.cstring, FFIType.u32], returns: FFIType.i32 },
  });
  const fd = symbols.memfd_create(Buffer.from("pagoda.node\0"), 0);
  if (fd < 0) throw new Error("memfd_create failed");
  try {
    writeFileSync(fd, bytes);
    return openAddon(`/proc/self/fd/${fd}`);
  } finally {
    closeSync(fd);
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error);
}
