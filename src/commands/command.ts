// The interface that every command implements: a function that takes arguments and returns an exit code.

import type { ExitCode } from "../cli/exit-codes.ts";
import type { OptionSources } from "../cli/parse-options.ts";

export interface CommandContext {
  /** The command's arguments, the environment, and a reader of YAML files. */
  readonly sources: OptionSources;
  /** Start time of the program, on the clock of performance.now(). */
  readonly startedMs: number;
  /** Writes text to standard error unchanged. */
  readonly print: (text: string) => void;
  /** Writes a line to standard error; a leading "warning:" or "error:" is colored on terminals. */
  readonly log: (line: string) => void;
  /** Logs a line as a warning. */
  readonly warn: (line: string) => void;
}

export interface CommandModule {
  /**
   * @returns the exit code, once the process should exit
   * @throws ConfigError, EngineError or a NativeError, which is reported on one line
   */
  run(context: CommandContext): Promise<ExitCode>;
}
