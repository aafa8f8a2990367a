// The hub's cache on disk, in the layout that all its clients share, so a model is stored only once:
//
//   models--user--repo/blobs/<SHA-256>                 the content
//                     /refs/main                       the commit that a branch pointed to
//                     /snapshots/<commit>/model.gguf   a link to the content
//
// Files are written elsewhere and moved into place when complete. Other programs' files are never changed.

import { mkdirSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { filesBelow } from "../runtime/files-below.ts";
import { fileExists, isFolder, isPlainFile, readText } from "../runtime/system.ts";
import { type Env, type HubFile, type HubRepo, hubCacheFolder } from "./hub.ts";

const PREFIX = "models--";

/** A repository in the cache, which might not exist yet. */
export class CachedRepo {
  readonly name: string;
  readonly folder: string;

  constructor(env: Env, name: string) {
    this.name = name;
    this.folder = join(hubCacheFolder(env), PREFIX + name.replace("/", "--"));
  }

  /** @returns names of the cached commits, starting with main's */
  commits(): string[] {
    const snapshots = join(this.folder, "snapshots");
    if (!isFolder(snapshots)) return [];
    const main = this.#readRef("main");
    return readdirSync(snapshots)
      .filter((name) => isFolder(join(snapshots, name)))
      .sort((a, b) => Number(b === main) - Number(a === main));
  }

  /** @returns paths within the repository, without links whose content is missing */
  filesOf(commit: string): string[] {
    return filesBelow(join(this.folder, "snapshots", commit));
  }

  pathOf(commit: string, path: string): string {
    return join(this.folder, "snapshots", commit, path);
  }

  blobPath({ blob }: HubFile): string {
    return join(this.folder, "blobs", blob);
  }

  /**
   * @param revision a branch, tag or commit; null = any commit, but main's first
   * @returns the path of the first file found; null if there is none
   */
  find(
    find: (files: readonly string[]) => string | undefined,
    revision: string | null = null,
  ): string | null {
    const wanted = revision === null ? null : (this.#readRef(revision) ?? revision);
    for (const commit of this.commits().filter((one) => wanted === null || one === wanted)) {
      const found = find(this.filesOf(commit));
      if (found !== undefined) return this.pathOf(commit, found);
    }
    return null;
  }

  /** Links an existing blob into the commit. Moves it there if links are not supported. */
  link({ commit }: HubRepo, file: HubFile): void {
    const path = this.pathOf(commit, file.path);
    const blob = this.blobPath(file);
    if (fileExists(path)) return;
    mkdirSync(dirname(path), { recursive: true });
    rmSync(path, { force: true });
    try {
      symlinkSync(relative(dirname(path), blob), path);
    } catch (error) {
      // Another process was faster, or the file system does not support links.
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") renameSync(blob, path);
    }
  }

  /** @param revision a branch or tag; a commit hash needs no ref */
  writeRef(revision: string, commit: string): void {
    if (revision === commit || this.#readRef(revision) === commit) return;
    const path = join(this.folder, "refs", revision);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(`${path}.${process.pid}`, commit);
    renameSync(`${path}.${process.pid}`, path);
  }

  #readRef(revision: string): string | null {
    const path = join(this.folder, "refs", revision);
    return isPlainFile(path) ? readText(path).trim() : null;
  }
}

/** @returns all model repositories in the cache */
export function cachedRepos(env: Env): CachedRepo[] {
  const folder = hubCacheFolder(env);
  if (!isFolder(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.startsWith(PREFIX))
    .sort()
    .map((name) => new CachedRepo(env, name.slice(PREFIX.length).replace("--", "/")));
}
