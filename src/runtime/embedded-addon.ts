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
  statSync,
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
  for (const { path, root } of addonFolders(env, process.getuid?.() ?? 0)) {
    try {
      if (!existsSync(root)) throw new Error(`${root} does not exist`);
      return openAddon(placeFile(path, file.name, bytes));
    } catch (error) {
      reasons.push(`${path}: ${reasonOf(error)}`);
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

/** Folder for the addon. */
export interface AddonFolder {
  readonly path: string;
  /** Parent folder, which is never created, since it belongs to the system or its administrator. */
  readonly root: string;
}

/** @returns folders for the addon, best first; one per user if the parent folder is shared */
export function addonFolders(env: Env, uid: number): AddonFolder[] {
  // XDG's rules ask programs to create the folder named by XDG_CACHE_HOME.
  const folders = [
    { root: "/", path: env["XDG_CACHE_HOME"] && join(env["XDG_CACHE_HOME"], "pagoda") },
    { root: env["HOME"], path: env["HOME"] && join(env["HOME"], ".cache", "pagoda") },
    ...[env["TMPDIR"] || "/tmp", "/dev/shm"].map((root) => {
      return { root, path: join(root, `pagoda-${uid}`) };
    }),
  ];
  return folders.filter((folder): folder is AddonFolder => isAbsolute(folder.path || ""));
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

/** Checks a folder, or a link, whose owner could make it point elsewhere, and the folder that it points to. */
function checkOwn(folder: string): void {
  const [link, { uid, mode }] = [lstatSync(folder), statSync(folder)];
  const isOwn = [link.uid, uid].every((owner) => owner === (process.getuid?.() ?? owner));
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
