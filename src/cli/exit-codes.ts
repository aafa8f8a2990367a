// The program's exit codes and the errors that they represent. docs/cli.md and the man page list
// them.

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
  ok: "Success. For a server: stopped by a signal after its requests finished.",
  failed: "Failure; the last line of standard error gives the reason.",
  usage: "Invalid command line, environment variable or config file; nothing was started.",
  noModel: "Model or adapter not found or unusable, or a download failed.",
  noServer: "The server cannot be reached, or the connection was lost during an answer.",
  interrupted: "Interrupted by Ctrl-C. For a server: before it was ready.",
  brokenPipe: "The reader of the output, such as `head`, closed the pipe.",
  terminated: "Terminated by SIGTERM. For a server: before it was ready.",
};

/**
 * Exit codes by error code. Codes that end in "_option" are usage errors; all others are failures.
 */
const BY_ERROR: Readonly<Partial<Record<ConfigErrorCode, ExitCode>>> = {
  unknown_command: EXIT_CODES.usage,
  invalid_version: EXIT_CODES.usage,
  config_file: EXIT_CODES.usage,
  model_not_found: EXIT_CODES.noModel,
  adapter_failed: EXIT_CODES.noModel,
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
