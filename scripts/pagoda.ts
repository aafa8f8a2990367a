// `bun run pagoda <command>` and `bun run serve` in a clone: runs the setup if the command needs
// it, then the program with the given arguments. Invalid options, --help and similar are handled
// before anything is built.

import { version } from "../package.json";
import { commandSpec } from "../src/cli/commands.ts";
import { exitCodeOf } from "../src/cli/exit-codes.ts";
import { readInvocation } from "../src/cli/invocation.ts";
import { markedLine } from "../src/cli/log-line.ts";
import { type OptionSources, parseOptions, resolveOptions } from "../src/cli/parse-options.ts";
import { fault, machineFindings, printFindings } from "../src/commands/findings.ts";
import { ConfigError } from "../src/errors.ts";
import { DEFAULT_MODEL } from "../src/models/default-model.ts";
import { readYaml } from "../src/runtime/system.ts";
import {
  flushOutput,
  printErrorLine,
  stderrTerminal,
  stdoutTerminal,
} from "../src/runtime/terminal.ts";
import { setupTools } from "./build-addon.ts";
import { enterCallersFolder } from "./callers-folder.ts";
import { Checkout } from "./checkout.ts";
import { missingText } from "./needed-tools.ts";
import { setUp } from "./set-up.ts";

async function main(argv: readonly string[]): Promise<void> {
  const sources = { argv, env: process.env, readYaml };
  const { columns } = stdoutTerminal(process.env);
  const asked = readInvocation(sources, { version, columns: columns() });
  const command = "text" in asked ? undefined : commandSpec(asked.command);
  if ("argv" in asked && command?.needsEngine === true) {
    const options = resolveOptions(command, { ...sources, argv: asked.argv }, () => {});
    const optionOf = (name: string) => options.find(({ option }) => option.name === name)?.value;
    if (asked.command === "doctor") await checkTools({ ...sources, argv: asked.argv });
    // A server at --url already has its own engine.
    const needsModel = optionOf("model") === DEFAULT_MODEL;
    if (!optionOf("url")) await setUp(["--quiet", ...(needsModel ? [] : ["--no-model"])]);
  }
  await import("../src/main.ts");
}

/** Checks the tools for `doctor` before anything is downloaded; exits if one is missing. */
async function checkTools(sources: OptionSources): Promise<void> {
  const text = missingText(setupTools(new Checkout()));
  if (text === null) return;
  const options = parseOptions("doctor", sources, () => {});
  const findings = async function* () {
    yield* machineFindings(options, sources.env);
    yield fault("tools", text);
  };
  const exitCode = await printFindings(findings(), options.json);
  await flushOutput();
  process.exit(exitCode);
}

enterCallersFolder(new Checkout().root);
try {
  await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof ConfigError)) throw error;
  printErrorLine(markedLine(`error: ${error.message}`, stderrTerminal(process.env).hasColor));
  process.exit(exitCodeOf(error));
}
