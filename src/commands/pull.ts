// `pull`: downloads a model from the hub or a URL and prints its path to standard output.

import { EXIT_CODES, type ExitCode } from "../cli/exit-codes.ts";
import { parseOptions } from "../cli/parse-options.ts";
import { pullModel } from "../models/model-source.ts";
import { printLine } from "../runtime/terminal.ts";
import type { CommandContext } from "./command.ts";
import { modelSource } from "./model-downloads.ts";

export async function run({ sources, log, warn }: CommandContext): Promise<ExitCode> {
  const options = parseOptions("pull", sources, warn);
  printLine(await pullModel(options.model, modelSource(options, sources.env, log)));
  return EXIT_CODES.ok;
}
