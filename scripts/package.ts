// Prepares the files that `bun pm pack` packs but that are not in the tree: the library as JavaScript with
// its types in lib/, and this machine's addon in addons/. Existing addons for other platforms are packed as
// well.
//
//   bun scripts/package.ts

import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
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

/** @throws SetupError when this machine's addon is missing or does not run on other machines */
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

/** Copies the files that /docs serves, so the package does not depend on all of Swagger UI. */
function addSwaggerUi(checkout: Checkout): void {
  const module = checkout.path("lib", "server", "swagger-ui.js");
  const text = readFileSync(module, "utf8");
  const imported = [...text.matchAll(/import\("swagger-ui-dist\/([^"]+)"/g)];
  const folder = checkout.path("lib", "server", "swagger-ui");
  mkdirSync(folder);
  for (const name of [...imported.map(([, name = ""]) => name), "LICENSE", "NOTICE"]) {
    copyFileSync(checkout.path("node_modules", "swagger-ui-dist", name), join(folder, name));
  }
  writeFileSync(module, text.replaceAll("swagger-ui-dist/", "./swagger-ui/"));
}

/**
 * @returns a loader with a literal require() for each platform, under a condition that bundlers can fold. It
 * works from node_modules and in executables that users compile.
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
  throw new Error("this package has no addon for " + here + ", only for ${platforms.join(", ")}");
}
`;
}

const USAGE = `bun scripts/package.ts
Build the files for \`bun pm pack\`: the library in lib/ and this machine's addon in addons/.`;

scriptArguments(USAGE, {});
const checkout = new Checkout();
try {
  await compileLibrary(checkout);
  addSwaggerUi(checkout);
  addAddon(checkout);
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  say(`error: ${error.message}`);
  process.exit(1);
}
