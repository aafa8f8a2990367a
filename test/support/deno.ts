// Finds Deno for tests: either the system's copy or one that is installed once into a folder.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const VERSION = "2.9.6";

/** @returns the path of Deno; null, after printing the reason, if it is not available */
export function denoProgram(folder: string): string | null {
  mkdirSync(folder, { recursive: true });
  const found = Bun.which("deno") ?? installed(folder);
  if (found !== null) return found;
  // Without a package.json here, `bun add` would use the one in a parent folder.
  writeFileSync(join(folder, "package.json"), "{}");
  const options = { cwd: folder, timeout: 100_000, stdout: "ignore", stderr: "pipe" } as const;
  const { exitCode, stderr } = Bun.spawnSync([process.execPath, "add", `deno@${VERSION}`], options);
  const program = exitCode === 0 ? installed(folder) : null;
  if (program === null) {
    const reason = stderr.toString().trim().split("\n").at(-1);
    console.log(`skipped: the library in Deno: deno ${VERSION} cannot be installed (${reason})`);
  }
  return program;
}

/** Finds the executable, which is in the package for the platform. */
function installed(folder: string): string | null {
  const glob = new Bun.Glob(join("node_modules", "@deno", "*", "deno"));
  const [path] = [...glob.scanSync({ cwd: folder, onlyFiles: true })];
  return path === undefined ? null : join(folder, path);
}
