// Stamps say what a step was done from; a step whose inputs have the same stamp is skipped.

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

export const ROOT = join(import.meta.dir, "..");
export const BUILD = join(ROOT, "build");

export function isStamped(name: string, stamp: string): boolean {
  const path = stampPath(name);
  return existsSync(path) && readFileSync(path, "utf8") === stamp;
}

export function writeStamp(name: string, stamp: string): void {
  const path = stampPath(name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, stamp);
}

/** Hash of files' names and contents, and of further texts. */
export function stampOf(files: readonly string[], texts: readonly string[] = []): string {
  const hash = createHash("sha256");
  for (const file of [...files].sort()) {
    hash.update(`${file}\0`);
    hash.update(readFileSync(join(ROOT, file)));
  }
  for (const text of texts) hash.update(`\0${text}`);
  return hash.digest("hex");
}

/** Files of a folder, relative to the root, with one of the endings. */
export function filesIn(folder: string, endings: readonly string[]): string[] {
  const path = join(ROOT, folder);
  if (!existsSync(path)) return [];
  return readdirSync(path)
    .filter((name) => endings.some((ending) => name.endsWith(ending)))
    .filter((name) => statSync(join(path, name)).isFile())
    .map((name) => join(folder, name));
}

function stampPath(name: string): string {
  return join(BUILD, "stamps", name);
}
