// What `bun pm pack` puts into the package besides what is in the tree: the library as JavaScript with its
// types in lib/, this machine's addon in addons/. Addons of other platforms that lie there already are
// packed too.
//
//   bun scripts/package.ts

import { copyFileSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { checkAddon, checkPortable, hostPlatform, type Platform } from "./addon-platform.ts";
import { addonPath } from "./build-addon.ts";
import { Checkout } from "./checkout.ts";
import { SetupError, say } from "./report.ts";
import { scriptArguments } from "./script-arguments.ts";
import { runOrFail } from "./shell.ts";

async function compileLibrary(checkout: Checkout): Promise<void> {
  rmSync(checkout.path("lib"), { recursive: true, force: true });
  const compiler = checkout.path("node_modules", "typescript", "lib", "tsc.js");
  const command = [process.execPath, compiler, "-p", "tsconfig.package.json"];
  await runOrFail(command, "tsc", { cwd: checkout.root });
}

/** @throws SetupError when this machine's addon is missing, or runs on no other machine */
function addAddon(checkout: Checkout): void {
  const platform = hostPlatform();
  checkAddon(addonPath(checkout), platform);
  checkPortable(checkout);
  mkdirSync(checkout.path("addons", platform), { recursive: true });
  copyFileSync(addonPath(checkout), checkout.path("addons", platform, "pagoda.node"));
  const platforms = readdirSync(checkout.path("addons")).sort() as Platform[];
  for (const each of platforms) checkAddon(checkout.path("addons", each, "pagoda.node"), each);
  writeFileSync(checkout.path("lib", "runner", "addon.cjs"), loaderText(platforms));
  say(`package: lib/ and addons for ${platforms.join(", ")}`);
}

/**
 * A literal require a platform under a condition that bundlers fold: the form that loads from
 * node_modules and from an executable that a user compiles.
 */
function loaderText(platforms: readonly Platform[]): string {
  const branches = platforms.map((platform) => {
    const [system, machine] = platform.split("-");
    return `if (process.platform === "${system}" && process.arch === "${machine}") {
  module.exports = require("../../addons/${platform}/pagoda.node");
} else `;
  });
  return `// Written by scripts/package.ts.
${branches.join("")}{
  const here = process.platform + "-" + process.arch;
  throw new Error("this package brings no addon for " + here + ", only for ${platforms.join(", ")}");
}
`;
}

const USAGE = `bun scripts/package.ts
Builds what \`bun pm pack\` packs: the library in lib/, this machine's addon in addons/.`;

scriptArguments(USAGE, {});
const checkout = new Checkout();
try {
  await compileLibrary(checkout);
  addAddon(checkout);
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  say(`error: ${error.message}`);
  process.exit(1);
}
