// What every command of the program is: a function from its words to an exit code.

import type { ExitCode } from "../cli/exit-codes.ts";
import type { OptionSources } from "../cli/parse-options.ts";

export interface CommandContext {
  /** The command's words, the environment, and a reader of YAML files. */
  readonly sources: OptionSources;
  /** Of the program, on performance's clock. */
  readonly startedMs: number;
  /** Writes text to standard error unchanged. */
  readonly print: (text: string) => void;
  /** Writes a line to standard error; a leading "warning:" or "error:" may be colored. */
  readonly log: (line: string) => void;
  /** The same, as a warning. */
  readonly warn: (line: string) => void;
}

export interface CommandModule {
  /**
   * @returns when the process shall end, and with what
   * @throws ConfigError, EngineError or a NativeError, told in one line
   */
  run(context: CommandContext): Promise<ExitCode>;
}
