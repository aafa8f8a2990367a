// What the program ends with, and which failure gives which code. docs/cli.md and the man page list them.

import { ConfigError, type ConfigErrorCode } from "../errors.ts";

export const EXIT_CODES = {
  ok: 0,
  failed: 1,
  usage: 2,
  noModel: 3,
  noServer: 4,
  interrupted: 130,
  brokenPipe: 141,
  terminated: 143,
} as const;

export type ExitCode = (typeof EXIT_CODES)[keyof typeof EXIT_CODES];

export const EXIT_CODE_MEANINGS: Readonly<Record<keyof typeof EXIT_CODES, string>> = {
  ok: "It did what was asked; a server: it was stopped by a signal and finished what was in progress.",
  failed: "It could not do it, or a server gave up; the last line of standard error says why.",
  usage: "The command line, a variable or the config file is wrong; nothing was started.",
  noModel: "There is no such model here, or it could not be downloaded.",
  noServer: "No server answers at the address, or it went away while it answered.",
  interrupted: "Ended by Ctrl-C; a server: before it served.",
  brokenPipe: "Whoever read the output has gone, as `head` does.",
  terminated: "Ended by SIGTERM; a server: before it served.",
};

/** Codes of errors by exit code; any that ends in "_option" is wrong usage, the others have failed. */
const BY_ERROR: Readonly<Partial<Record<ConfigErrorCode, ExitCode>>> = {
  unknown_command: EXIT_CODES.usage,
  invalid_version: EXIT_CODES.usage,
  config_file: EXIT_CODES.usage,
  model_not_found: EXIT_CODES.noModel,
  no_such_quant: EXIT_CODES.noModel,
  download_failed: EXIT_CODES.noModel,
  checksum_mismatch: EXIT_CODES.noModel,
  disk_full: EXIT_CODES.noModel,
  server_unreachable: EXIT_CODES.noServer,
  stream_broken: EXIT_CODES.noServer,
};

export function exitCodeOf(error: unknown): ExitCode {
  if (!(error instanceof ConfigError)) return EXIT_CODES.failed;
  if (error.code.endsWith("_option")) return EXIT_CODES.usage;
  return BY_ERROR[error.code] ?? EXIT_CODES.failed;
}
