// Entry point: runs the named command and exits with its exit code. A command's module is loaded only if the
// command runs.

import { version } from "../package.json";
import type { CommandName } from "./cli/commands.ts";
import { EXIT_CODES, type ExitCode, exitCodeOf } from "./cli/exit-codes.ts";
import { readInvocation } from "./cli/invocation.ts";
import { markedLine } from "./cli/log-line.ts";
import type { CommandModule } from "./commands/command.ts";
import { ConfigError, EngineError, stackOf } from "./errors.ts";
import { fileFault, systemFault } from "./runtime/file-fault.ts";
import { notUtf8 } from "./runtime/program-arguments.ts";
import { reachLoopbackDirectly } from "./runtime/proxies.ts";
import { readYaml } from "./runtime/system.ts";
import {
  flushOutput,
  onOutputError,
  printErrorLine,
  printLine,
  stderrTerminal,
  stdoutTerminal,
} from "./runtime/terminal.ts";
import { endWithWrappers } from "./runtime/wrappers.ts";

const MODULES: Readonly<Record<CommandName, () => Promise<CommandModule>>> = {
  bench: () => import("./commands/bench.ts"),
  chat: () => import("./commands/chat.ts"),
  "collect-env": () => import("./commands/collect-env.ts"),
  complete: () => import("./commands/complete.ts"),
  completion: () => import("./commands/completion.ts"),
  doctor: () => import("./commands/doctor.ts"),
  engine: () => import("./commands/engine.ts"),
  inspect: () => import("./commands/inspect.ts"),
  ls: () => import("./commands/ls.ts"),
  ps: () => import("./commands/ps.ts"),
  pull: () => import("./commands/pull.ts"),
  rm: () => import("./commands/rm.ts"),
  serve: () => import("./commands/serve.ts"),
};

const { hasColor } = stderrTerminal(process.env);
const log = (line: string) => printErrorLine(markedLine(line, hasColor));
const warn = (line: string) => log(`warning: ${line}`);

async function main(argv: readonly string[]): Promise<ExitCode> {
  const startedMs = performance.now();
  const sources = { argv, env: process.env, readYaml };
  try {
    checkEncoding(argv);
    const { columns } = stdoutTerminal(process.env);
    const asked = readInvocation(sources, { version, columns: columns() });
    if ("text" in asked) {
      printLine(asked.text);
      return EXIT_CODES.ok;
    }
    // An engine process exits with its server, which can still have responses to finish.
    if (asked.command !== "engine") endWithWrappers();
    const command = await MODULES[asked.command]();
    const context = { startedMs, print: printErrorLine, log, warn };
    return await command.run({ sources: { ...sources, argv: asked.argv }, ...context });
  } catch (error) {
    log(`error: ${errorText(error)}`);
    return exitCodeOf(error);
  }
}

/** @throws ConfigError "invalid_option" */
function checkEncoding(argv: readonly string[]): void {
  const index = notUtf8(argv);
  if (index === null) return;
  throw new ConfigError("invalid_option", `${argv[index]}: this word is not valid UTF-8`);
}

/** @returns one line for errors that an operator can fix, and the stack for all other errors */
function errorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const isExpected =
    error instanceof ConfigError ||
    error instanceof EngineError ||
    ("code" in error && typeof error.code === "string");
  return systemFault(error) ?? (isExpected ? error.message : stackOf(error));
}

onOutputError((fault) => {
  if (fault.code === "EPIPE") process.exit(EXIT_CODES.brokenPipe);
  log(`error: cannot write to standard output: ${fileFault(fault)}`);
  process.exit(EXIT_CODES.failed);
});
reachLoopbackDirectly(process.env);
const exitCode = await main(process.argv.slice(2));
await flushOutput();
process.exit(exitCode);
