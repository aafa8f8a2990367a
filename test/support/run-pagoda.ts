// Runs the program as a user would: takes arguments, and returns the output and the exit code.

import { join } from "node:path";

export const MAIN = join(import.meta.dir, "../../src/main.ts");

export interface Ran {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}

export interface RunInput {
  /** Variables to add to PATH and HOME, the only inherited variables. */
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  readonly cwd?: string;
}

export async function runPagoda(words: readonly string[], input: RunInput = {}): Promise<Ran> {
  const { PATH = "", HOME = "" } = process.env;
  const child = Bun.spawn([process.execPath, MAIN, ...words], {
    env: { PATH, HOME, ...input.env },
    ...(input.cwd === undefined ? {} : { cwd: input.cwd }),
    stdin: new Blob([input.stdin ?? ""]),
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  return { stdout, stderr, exitCode: await child.exited };
}
