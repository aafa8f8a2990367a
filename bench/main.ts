// `bun run bench [name ...] [--option ...]`: runs serving workloads by number, in-process measurements by
// name, and, after `scaling`, scaling checks. Without any names, it runs the gated workloads. Each
// benchmark is loaded on demand.

import { enterCallersFolder } from "../scripts/callers-folder.ts";
import { Checkout } from "../scripts/checkout.ts";
import { printErrorLine } from "../src/runtime/terminal.ts";
import { parseArguments } from "./arguments.ts";
import { BenchError } from "./bench-error.ts";
import { HELP } from "./help.ts";

async function main(): Promise<void> {
  const options = parseArguments(process.argv.slice(2));
  if (options.help) return console.log(HELP);
  // Imported late because this module needs packages that a fresh clone does not have.
  const { commandsOf } = await import("./commands.ts");
  for (const command of commandsOf(options)) await command();
}

enterCallersFolder(new Checkout().root);
try {
  await main();
} catch (error) {
  if (!(error instanceof BenchError)) throw error;
  printErrorLine(`error: ${error.message}`);
  process.exit(2);
}
process.exit(0);
