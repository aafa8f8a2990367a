// Finds the folder that a package.json script was called from. `bun run` and `npm run` start
// scripts in the package's root and pass the caller's folder in environment variables. File names
// from the user are relative to that folder.

import { join } from "node:path";

type Env = Readonly<Record<string, string | undefined>>;

/**
 * Bun 1.4.5 sets npm_config_local_prefix to the caller's folder; npm sets it to the package's root. npm, and
 * npx when it runs Bun, set INIT_CWD, but a script in another package can also have set it.
 * @param cwd working directory of this process; if it is not the root, the caller chose it
 */
export function callersFolder(env: Env, cwd: string, root: string): string {
  if (cwd !== root || env["npm_package_json"] !== join(root, "package.json")) return cwd;
  const prefix = env["npm_config_local_prefix"] || root;
  if (prefix !== root) return prefix;
  const initial = env["INIT_CWD"] || root;
  return initial.startsWith(join(root, "/")) ? initial : root;
}

/** Changes to the caller's folder. Must be called before file names are read. */
export function enterCallersFolder(root: string): void {
  process.chdir(callersFolder(process.env, process.cwd(), root));
}
