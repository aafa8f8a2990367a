// What the program ends with, and which failure gives which code. docs/cli.md and the man page list them.

import { ConfigError } from "../errors.ts";

export const EXIT_CODES = {
  ok: 0,
  failed: 1,
  usage: 2,
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT_CODES)[keyof typeof EXIT_CODES];

export const EXIT_CODE_MEANINGS: Readonly<Record<keyof typeof EXIT_CODES, string>> = {
  ok: "It did what was asked; a server: it was stopped by a signal and finished what was in progress.",
  failed: "It could not do it, or a server gave up; the last line of standard error says why.",
  usage: "The command line, a variable or the config file is wrong; nothing was started.",
  interrupted: "Ended by Ctrl-C.",
};

/** Codes of ConfigErrors that are a wrong command line, besides those that end in "_option". */
const USAGE_CODES = ["unknown_command", "invalid_version", "config_file"];

export function exitCodeOf(error: unknown): ExitCode {
  if (!(error instanceof ConfigError)) return EXIT_CODES.failed;
  const isUsage = error.code.endsWith("_option") || USAGE_CODES.includes(error.code);
  return isUsage ? EXIT_CODES.usage : EXIT_CODES.failed;
}
