// Everything that a bare clone needs before it can serve or be tested. Each step is skipped when it is
// up to date, and can be stopped and started again. Runs on bare Bun: nothing outside the standard
// library is imported before the dependencies are there.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { SetupError, say, sayUpToDate, setQuiet } from "./report.ts";
import { runOrFail } from "./shell.ts";
import { isStamped, ROOT, stampOf, writeStamp } from "./stamps.ts";

async function installDependencies(): Promise<void> {
  const stamp = stampOf(["package.json", "bun.lock"]);
  if (existsSync(join(ROOT, "node_modules")) && isStamped("dependencies", stamp)) {
    sayUpToDate("dependencies");
    return;
  }
  say("dependencies: installing");
  await runOrFail([process.execPath, "install", "--frozen-lockfile"], "bun install", { cwd: ROOT });
  writeStamp("dependencies", stamp);
}

/** @param needsModel false when another model was named */
async function setup(needsModel: boolean): Promise<void> {
  await installDependencies();
  const { fillSubmodule, makeBuildCopy } = await import("./llama-cpp.ts");
  const { buildAddon } = await import("./build-addon.ts");
  await fillSubmodule();
  await makeBuildCopy();
  await buildAddon();
  if (!needsModel) return;
  const { fetchModel } = await import("./fetch-model.ts");
  await fetchModel();
}

setQuiet(process.argv.includes("--quiet"));
try {
  await setup(!process.argv.includes("--no-model"));
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  say(`error: ${error.message}`);
  process.exit(1);
}
