// The folder that a script of package.json was called from. `bun run` and `npm run` start scripts in the
// package's root and tell in variables where they themselves were started: names of files that a user gives
// are relative to that.

import { join } from "node:path";

type Env = Readonly<Record<string, string | undefined>>;

/**
 * Bun 1.4.5 sets npm_config_local_prefix to the folder it was called from, npm to the package's root; npm, and
 * npx before Bun, set INIT_CWD, which an outer script of another package may have left.
 * @param cwd of this process; any other than the root was chosen by who started it
 */
export function callersFolder(env: Env, cwd: string, root: string): string {
  if (cwd !== root || env["npm_package_json"] !== join(root, "package.json")) return cwd;
  const prefix = env["npm_config_local_prefix"] || root;
  if (prefix !== root) return prefix;
  const initial = env["INIT_CWD"] || root;
  return initial.startsWith(join(root, "/")) ? initial : root;
}

/** To be called before names of files are read. */
export function enterCallersFolder(root: string): void {
  process.chdir(callersFolder(process.env, process.cwd(), root));
}
