// Lists and removes the models on this machine: models that ship with the program, models in the hub's
// cache and models downloaded from URLs. A split model counts as one.

import { lstatSync, readdirSync, readlinkSync, rmdirSync, rmSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { filesBelow } from "../runtime/files-below.ts";
import { isModelFile, partsOf, quantOf } from "./gguf-files.ts";
import { type Env, hubCacheFolder } from "./hub.ts";
import { cachedRepos } from "./hub-cache.ts";
import { urlFolder } from "./model-source.ts";

export interface InstalledModel {
  /** Name that `serve` accepts: user/repo:quant, user/repo with a path, or a path. */
  readonly name: string;
  /** Path of the file; for a split model, of the first part. */
  readonly path: string;
  readonly parts: readonly string[];
  /** Quantization in the file name; null if it has none. */
  readonly quantization: string | null;
  readonly bytes: number;
  readonly modified: Date;
  /** Folder that holds all models from the same source. */
  readonly root: string;
}

/** @param modelsDir folder of models that ship with the program; null = none */
export function installedModels(env: Env, modelsDir: string | null): InstalledModel[] {
  const cache = resolve(hubCacheFolder(env));
  const hub = cachedRepos(env).flatMap((repo) =>
    repo.commits().flatMap((commit) => {
      const folder = repo.pathOf(commit, "");
      return modelsIn(folder, cache, repo.filesOf(commit), (file, quant) =>
        quant === null ? `hf:${repo.name}/${file}` : `${repo.name}:${quant}`,
      );
    }),
  );
  const folders = [...(modelsDir === null ? [] : [modelsDir]), urlFolder(env)];
  const plain = folders.flatMap((folder) =>
    modelsIn(folder, resolve(folder), filesBelow(folder), (file) => join(folder, file)),
  );
  // Skips files in older commits, which no name refers to.
  const seen = new Set<string>();
  return [...hub, ...plain].filter(({ name }) => !seen.has(name) && seen.add(name));
}

function modelsIn(
  folder: string,
  root: string,
  files: readonly string[],
  nameOf: (file: string, quant: string | null) => string,
): InstalledModel[] {
  return files.filter(isModelFile).map((file) => {
    const parts = partsOf(files, file).map((part) => resolve(folder, part));
    const stats = parts.map((path) => statSync(path));
    const quantization = quantOf(file);
    return {
      root,
      name: nameOf(file, quantization),
      path: join(folder, file),
      parts,
      quantization,
      bytes: stats.reduce((sum, { size }) => sum + size, 0),
      modified: new Date(Math.max(...stats.map(({ mtimeMs }) => mtimeMs))),
    };
  });
}

/**
 * Removes a model's files. Content in the hub's cache is removed with the last link to it, and a
 * repository or folder is removed with its last file. The root folders stay.
 */
export function removeModel({ parts, root }: InstalledModel): void {
  for (const part of parts) {
    const blob = linkTarget(part);
    rmSync(part);
    removeEmptyFolders(dirname(part), root);
    if (blob === null) continue;
    const repo = dirname(dirname(blob));
    if (dirname(repo) !== root) continue;
    const links = linksOf(repo);
    if (links.length === 0) rmSync(repo, { recursive: true });
    else if (!links.includes(blob)) rmSync(blob, { force: true });
  }
}

/** @returns null if the path is not a link */
function linkTarget(path: string): string | null {
  return lstatSync(path).isSymbolicLink() ? resolve(dirname(path), readlinkSync(path)) : null;
}

/** @returns absolute paths of the content that a repository's snapshots refer to */
function linksOf(repo: string): string[] {
  const snapshots = join(repo, "snapshots");
  return filesBelow(snapshots)
    .map((file) => join(snapshots, file))
    .map((path) => linkTarget(path) ?? path);
}

/** Removes a folder and its parents below `root` if they are empty. */
function removeEmptyFolders(folder: string, root: string): void {
  if (folder === root || readdirSync(folder).length > 0) return;
  rmdirSync(folder);
  removeEmptyFolders(dirname(folder), root);
}
