// Runs the tools that the setup needs.

import { SetupError } from "./report.ts";
import { endOf } from "./tool-process.ts";

export interface ToolResult {
  readonly exitCode: number;
  /** Trimmed output from both streams. */
  readonly output: string;
}

/** Runs a command to completion and collects its output. */
export async function run(
  command: readonly string[],
  options: { cwd?: string } = {},
): Promise<ToolResult> {
  const child = Bun.spawn([...command], {
    ...options,
    env: ownEnvironment(),
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    detached: true,
  });
  const [stdout, stderr, exitCode] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    endOf(child),
  ]);
  return { exitCode, output: (stdout + stderr).trim() };
}

/** @throws SetupError with the last lines of the output when the tool fails */
export async function runOrFail(
  command: readonly string[],
  what: string,
  options: { cwd?: string } = {},
): Promise<string> {
  const { exitCode, output } = await run(command, options);
  if (exitCode === 0) return output;
  const tail = output.split("\n").slice(-3).join(" | ");
  throw new SetupError(`${what} failed: ${tail}`);
}

/**
 * @returns the environment without git's variables, which would point to this project inside a git hook
 */
function ownEnvironment(): Record<string, string | undefined> {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^GIT_(DIR|WORK_TREE|INDEX_FILE)$/.test(name)),
  );
}
