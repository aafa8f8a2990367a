// Lists the files under a folder that other programs also write to. It can contain macOS's .DS_Store files, dangling
// links, and folders that only root can read. None of these causes the listing to fail.

import { readdirSync, type Stats, statSync } from "node:fs";
import { join } from "node:path";

/**
 * Follows links, but not back into a folder that contains them. Skips files and folders that cannot be read.
 * @returns sorted paths of regular files, relative to `folder`
 */
export function filesBelow(folder: string): string[] {
  return filesIn(folder, "", []).sort();
}

/** @param parents folders on the way to this one, as "device:inode" */
function filesIn(root: string, path: string, parents: readonly string[]): string[] {
  const there = statsOf(join(root, path));
  if (there === null) return [];
  if (there.isFile()) return [path];
  const id = `${there.dev}:${there.ino}`;
  if (!there.isDirectory() || parents.includes(id)) return [];
  const names = namesIn(join(root, path));
  return names.flatMap((name) => filesIn(root, join(path, name), [...parents, id]));
}

function statsOf(path: string): Stats | null {
  try {
    return statSync(path);
  } catch {
    return null;
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
