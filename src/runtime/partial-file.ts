// Manages an unfinished download's partial file: its owner, and the version of the file being
// downloaded.

import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";

let numDownloads = 0;

/**
 * Renames the partial file to a name that belongs to this process and download, so two downloads never write
 * to the same file. Takes over a file left by a killed process; there is no lock that could be left behind.
 * @returns the path to write to, where a file can already exist
 */
export function claimPartial(partial: string): string {
  const own = `${partial}.${process.pid}-${++numDownloads}`;
  for (const left of [partial, ...leftByKilled(partial)]) {
    try {
      renameSync(left, own);
      moveNote(left, own);
      break;
    } catch {
      // There is no such file, or another process was faster.
    }
  }
  return own;
}

function leftByKilled(partial: string): string[] {
  const stem = `${basename(partial)}.`;
  return readdirSync(dirname(partial))
    .filter((name) => name.startsWith(stem) && !isAlive(pidOf(name.slice(stem.length))))
    .map((name) => join(dirname(partial), name));
}

/** @returns NaN for a name in any other format */
function pidOf(owner: string): number {
  return Number(/^(\d+)-\d+$/.exec(owner)?.[1]);
}

/** @returns true if `pid` is not a process ID, since the file then belongs to another program */
function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return true;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** Leaves the partial file for the next attempt. */
export function leavePartial(own: string, partial: string): void {
  if (existsSync(own)) {
    renameSync(own, partial);
    moveNote(own, partial);
  } else forgetVersion(own);
}

function moveNote(from: string, to: string): void {
  if (existsSync(noteOf(from))) renameSync(noteOf(from), noteOf(to));
  else forgetVersion(to);
}

const noteOf = (partial: string): string => `${partial}.version`;

/** @returns a value for If-Range: a strong ETag, otherwise the date; null if the server sends neither */
export function versionOf(headers: Headers): string | null {
  const tag = headers.get("etag");
  return tag?.startsWith('"') ? tag : headers.get("last-modified");
}

export function noteVersion(partial: string, version: string | null): void {
  if (version === null) forgetVersion(partial);
  else writeFileSync(noteOf(partial), version);
}

/** @returns null if none was recorded */
export function notedVersion(partial: string): string | null {
  return existsSync(noteOf(partial)) ? readFileSync(noteOf(partial), "utf8") : null;
}

export function forgetVersion(partial: string): void {
  rmSync(noteOf(partial), { force: true });
}
