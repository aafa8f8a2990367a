// Runs the setup, followed by a script, for commands such as `bun run test` in a clone. --help is handled
// before anything is built.
//
//   bun scripts/after-setup.ts [--quiet] [--no-model] script.ts [argument ...]

import { setUp } from "./set-up.ts";

const { argv } = process;
const at = argv.findIndex((word, i) => i > 1 && word.endsWith(".ts"));
const [flags, script = "", words] = [argv.slice(2, at), argv[at], argv.slice(at + 1)];
const asksForHelp = words.some((word) => word === "--help" || word === "-h");
if (!asksForHelp) await setUp(flags);
process.argv = [...argv.slice(0, 1), script, ...words];
await import(Bun.pathToFileURL(script).href);
