// `completion`: prints a shell completion script for commands, options and models.

import { EXIT_CODES, type ExitCode } from "../cli/exit-codes.ts";
import { parseOptions } from "../cli/parse-options.ts";
import { shellCompletionScript } from "../cli/shell-completion.ts";
import { ConfigError } from "../errors.ts";
import { printLine } from "../runtime/terminal.ts";
import type { CommandContext } from "./command.ts";

export async function run({ sources, warn }: CommandContext): Promise<ExitCode> {
  const { shell } = parseOptions("completion", sources, warn);
  if (shell === null) {
    throw new ConfigError("missing_option", "completion: no shell given; pass bash, zsh or fish");
  }
  printLine(shellCompletionScript(shell));
  return EXIT_CODES.ok;
}
