// What every command of the program is: a function from its words to an exit code.

import type { ExitCode } from "../cli/exit-codes.ts";
import type { OptionSources } from "../cli/parse-options.ts";

export interface CommandContext {
  /** The command's words, the environment, and a reader of YAML files. */
  readonly sources: OptionSources;
  /** Of the program, on performance's clock. */
  readonly startedMs: number;
  /** Text on standard error as it is. */
  readonly print: (text: string) => void;
  /** A line on standard error; the mark of one that begins with "warning:" or "error:" may have a color. */
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
