// Prepares a fresh clone for serving and testing. Steps that are up to date are skipped. Each step can
// be interrupted and restarted. Runs on plain Bun: nothing outside the standard library is imported before the
// dependencies are installed.
//
//   bun scripts/setup.ts [--quiet] [--no-model]

import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { endWithWrappers } from "../src/runtime/wrappers.ts";
import { addonPath, buildAddon, checkFolder, setupTools } from "./build-addon.ts";
import { Checkout } from "./checkout.ts";
import { fetchModel } from "./fetch-model.ts";
import { addSharedGrammarLibrary, buildGrammarLibrary } from "./grammar-library.ts";
import { fillSubmodule, PIN } from "./llama-cpp.ts";
import { needTools } from "./needed-tools.ts";
import { makePatchedCopy } from "./patched-copy.ts";
import { SetupError, say, sayUpToDate, setQuiet } from "./report.ts";
import { scriptArguments } from "./script-arguments.ts";
import { runOrFail } from "./shell.ts";

async function installDependencies(checkout: Checkout): Promise<void> {
  const stamp = checkout.stampOf(["package.json", "bun.lock"]);
  const isInstalled = existsSync(checkout.path("node_modules"));
  if (isInstalled && checkout.readStamp("dependencies") === stamp) {
    sayUpToDate("dependencies");
    return;
  }
  say("dependencies: installing");
  const install = [process.execPath, "install", "--frozen-lockfile"];
  await runOrFail(install, "bun install", { cwd: checkout.root });
  checkout.writeStamp("dependencies", stamp);
}

/** @param needsModel whether to fetch the default model; false if another model was named */
async function setup(checkout: Checkout, needsModel: boolean): Promise<void> {
  checkFolder(checkout);
  needTools(setupTools(checkout));
  await installDependencies(checkout);
  await fillSubmodule(checkout, PIN);
  await makePatchedCopy(checkout, PIN);
  await buildGrammarLibrary(checkout);
  await buildAddon(checkout, PIN);
  await addSharedGrammarLibrary(checkout, dirname(addonPath(checkout)));
  if (needsModel) await fetchModel(checkout);
}

const USAGE = `bun run setup [--quiet] [--no-model]
Prepare a clone for serving and testing: dependencies, llama.cpp, the native addon, the default model.`;

const { values } = scriptArguments(USAGE, {
  options: {
    quiet: { type: "boolean", default: false },
    "no-model": { type: "boolean", default: false },
  },
});
endWithWrappers();
// If pagoda.ts started this process, a disconnect means that pagoda.ts has exited.
process.on("disconnect", () => process.kill(process.pid, "SIGTERM"));
setQuiet(values.quiet);
try {
  await setup(new Checkout(), !values["no-model"]);
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  say(`error: ${error.message}`);
  process.exit(1);
}
process.exit(0);
