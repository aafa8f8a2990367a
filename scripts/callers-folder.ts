// Finds the folder that a script of package.json was called from. `bun run` and `npm run` start scripts in
// the package's root and pass the caller's folder in variables. File names that a user gives are relative to
// it.

import { join } from "node:path";

type Env = Readonly<Record<string, string | undefined>>;

/**
 * Bun 1.4.5 sets npm_config_local_prefix to the folder it was called from; npm sets it to the package's root.
 * npm, and npx before Bun, set INIT_CWD, but an outer script of another package may have set it too.
 * @param cwd of this process; anything but the root was chosen by whoever started the process
 */
export function callersFolder(env: Env, cwd: string, root: string): string {
  if (cwd !== root || env["npm_package_json"] !== join(root, "package.json")) return cwd;
  const prefix = env["npm_config_local_prefix"] || root;
  if (prefix !== root) return prefix;
  const initial = env["INIT_CWD"] || root;
  return initial.startsWith(join(root, "/")) ? initial : root;
}

/** Changes to the caller's folder. Call it before reading file names. */
export function enterCallersFolder(root: string): void {
  process.chdir(callersFolder(process.env, process.cwd(), root));
}
