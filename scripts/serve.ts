// `bun run serve`: the set-up where it is needed, then the server with the words given.

import { join } from "node:path";
import { ROOT } from "./stamps.ts";

const words = process.argv.slice(2);
const namesModel = words.some(
  (word, i) => word === "--model" || (i === 0 && !word.startsWith("-")),
);
const asksHelp = words.some((word) => word.startsWith("--help") || word === "--version");

async function main(): Promise<void> {
  if (!asksHelp) {
    const flags = ["--quiet", ...(namesModel ? ["--no-model"] : [])];
    const setup = Bun.spawn([process.execPath, join(ROOT, "scripts", "setup.ts"), ...flags], {
      stdio: ["ignore", "inherit", "inherit"],
    });
    const exitCode = await setup.exited;
    if (exitCode !== 0) process.exit(exitCode);
  }
  process.argv = [process.argv[0] ?? "bun", "serve", "serve", ...words];
  await import("../src/main.ts");
}

await main();
