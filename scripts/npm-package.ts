// Downloads the tarball of an npm package with the user's registry settings, without its
// dependencies.

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { hasTool } from "./needed-tools.ts";
import { SetupError } from "./report.ts";
import { run } from "./shell.ts";

export interface NpmPackage {
  /** Name and exact version, "name@version". */
  readonly spec: string;
  /** Checksum, in the format of lock files; null = not known yet. */
  readonly integrity: string | null;
}

/** Downloads the tarball to `target`, unless it already exists. @throws SetupError */
export async function fetchPackage(wanted: NpmPackage, target: string): Promise<void> {
  if (wanted.integrity !== null && existsSync(target)) {
    if (integrityOf(target) === wanted.integrity) return;
  }
  const folder = `${target}.part`;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const tarball =
    (await packWithNpm(wanted.spec, folder)) ?? (await packWithBun(wanted.spec, folder));
  if (tarball === null) {
    throw new SetupError(
      `cannot download ${wanted.spec}; check the network and the npm registry settings`,
    );
  }
  if (wanted.integrity !== null && integrityOf(tarball) !== wanted.integrity) {
    rmSync(folder, { recursive: true });
    throw new SetupError(
      `${wanted.spec} has the wrong checksum; check the npm registry settings and try again`,
    );
  }
  mkdirSync(dirname(target), { recursive: true });
  renameSync(tarball, target);
  rmSync(folder, { recursive: true });
}

/** @returns SHA-512 in the format of lock files */
export function integrityOf(path: string): string {
  return `sha512-${createHash("sha512").update(readFileSync(path)).digest("base64")}`;
}

/** @returns null if npm is not installed or fails */
async function packWithNpm(spec: string, folder: string): Promise<string | null> {
  if (!hasTool("npm")) return null;
  const command = ["npm", "pack", "--ignore-scripts", "--pack-destination", folder, spec];
  const { exitCode } = await run(command, { cwd: folder });
  const name = readdirSync(folder).find((file) => file.endsWith(".tgz"));
  return exitCode === 0 && name !== undefined ? join(folder, name) : null;
}

/** Bun cannot pack a remote package, but it can print the URL of the package's tarball. */
async function packWithBun(spec: string, folder: string): Promise<string | null> {
  const view = [process.execPath, "pm", "view", spec, "dist.tarball"];
  const { exitCode, output } = await run(view, { cwd: folder });
  const url = output.split("\n").at(-1) ?? "";
  if (exitCode !== 0 || !URL.canParse(url)) return null;
  const response = await fetch(url).catch(() => null);
  if (response === null || !response.ok) return null;
  const path = join(folder, "package.tgz");
  await Bun.write(path, response);
  return path;
}
