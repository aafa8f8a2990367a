// Compiles the bench's small C and C++ programs on first use and runs them to completion. Their CPU time
// counts as the bench's own.

import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { BenchError } from "./bench-error.ts";
import { countChild } from "./measure.ts";

const BUILD = join(import.meta.dir, "..", "build", "bench");

/**
 * Compiles the program if one of its inputs has changed.
 * @param compilers candidates; the first available one is used
 * @returns the program's path @throws BenchError
 */
export async function compiled(
  name: string,
  compilers: readonly string[],
  inputs: readonly string[],
  commandOf: (compiler: string, path: string) => readonly string[],
): Promise<string> {
  const hash = new Bun.CryptoHasher("sha1");
  for (const input of inputs) hash.update(readFileSync(input));
  const path = join(BUILD, `${name}-${hash.digest("hex").slice(0, 12)}`);
  if (existsSync(path)) return path;
  const compiler = compilers.find((known) => Bun.which(known) !== null);
  if (compiler === undefined) throw new BenchError(`${name} needs a compiler (${compilers[0]})`);
  mkdirSync(BUILD, { recursive: true });
  await outputOf(commandOf(compiler, path));
  return path;
}

/** @returns the command's output @throws BenchError with the command's last lines of stderr when it fails */
export async function outputOf(
  command: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const child = Bun.spawn([...command], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...env },
  });
  const [out, err] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  const exitCode = await child.exited;
  countChild(Number(child.resourceUsage()?.cpuTime.total ?? 0) / 1e6);
  if (exitCode === 0) return out;
  const last = err.trim().split("\n").slice(-3).join(" | ");
  throw new BenchError(`${command[0]} failed with exit code ${exitCode}: ${last}`);
}
