// Checks that a path given by a client is in one of the folders that the operator allows.

import { realpath } from "node:fs/promises";
import { relative, resolve, sep } from "node:path";

/**
 * Resolves a path and follows its links.
 * @param folders allowed folders; empty = any path is allowed
 * @returns the absolute path, which may not exist; null if it is outside the folders, or a link
 * leads out of them
 */
export async function allowedPath(
  path: string,
  folders: readonly string[],
): Promise<string | null> {
  const given = resolve(path);
  const real = await realPath(given);
  if (folders.length === 0) return real;
  const roots = folders.map((folder) => resolve(folder));
  if (!roots.some((root) => isBelow(given, root))) return null;
  const realRoots = await Promise.all(roots.map(realPath));
  return realRoots.some((root) => isBelow(real, root)) ? real : null;
}

/** @returns the path itself if it does not exist or cannot be read */
function realPath(path: string): Promise<string> {
  return realpath(path).catch(() => path);
}

function isBelow(path: string, folder: string): boolean {
  const rest = relative(folder, path);
  return rest !== "" && rest !== ".." && !rest.startsWith(`..${sep}`) && resolve(rest) !== rest;
}
