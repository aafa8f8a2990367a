// `bun run serve`: the set-up where it is needed, then the server with the words given. Wrong options,
// --help and the like are answered first, before anything is built.

import { version } from "../package.json";
import { informationText } from "../src/cli/information.ts";
import { DEFAULT_MODEL } from "../src/cli/options.ts";
import { parseOptions } from "../src/cli/parse-options.ts";
import { ConfigError } from "../src/errors.ts";
import { readYaml } from "../src/runtime/system.ts";
import { Checkout } from "./checkout.ts";

const words = process.argv.slice(2);

async function main(): Promise<void> {
  const sources = { argv: words, env: process.env, readYaml };
  const information = informationText(sources, version);
  if (information !== null) {
    console.log(information);
    return;
  }
  const { model } = parseOptions(sources, () => {});
  await setUp(model === DEFAULT_MODEL);
  process.argv = [process.execPath, import.meta.path, ...words];
  await import("../src/main.ts");
}

/** In a process of its own: one that saw no node_modules does not find them later. */
async function setUp(needsModel: boolean): Promise<void> {
  const flags = ["--quiet", ...(needsModel ? [] : ["--no-model"])];
  const script = new Checkout().path("scripts", "setup.ts");
  const setup = Bun.spawn([process.execPath, script, ...flags], {
    stdio: ["ignore", "inherit", "inherit"],
  });
  const exitCode = await setup.exited;
  if (exitCode !== 0) process.exit(exitCode);
}

try {
  await main();
} catch (error) {
  if (!(error instanceof ConfigError)) throw error;
  console.error(`error: ${error.message}`);
  process.exit(2);
}
