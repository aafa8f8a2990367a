// Runs a fuzzer for PAGODA_FUZZ_SECONDS, from the seed in PAGODA_FUZZ_SEED.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { Checkout } from "../../scripts/checkout.ts";

const DEFAULT_SECONDS = 5;

export const FUZZ_SECONDS = Number(process.env["PAGODA_FUZZ_SECONDS"] ?? DEFAULT_SECONDS);
export const FUZZ_SEED = Number(process.env["PAGODA_FUZZ_SEED"] ?? 1);

/** Timeout, which includes time for a fuzzer to start and exit. */
export const FUZZ_TIMEOUT_MS = (FUZZ_SECONDS + 60) * 1000;

const checkout = new Checkout();

export function corpusAt(name: string): string {
  return checkout.path("test", "fuzz", "corpus", name);
}

/**
 * @param program a program built on mutation-loop.h
 * @throws with the sanitizers' report and the path of the saved input
 */
export function runFuzzer(program: string, corpus: string, argument = ""): void {
  const folder = checkout.path("build", "fuzz");
  mkdirSync(folder, { recursive: true });
  const crash = join(folder, `${corpus}-crash`);
  const words = [String(FUZZ_SECONDS), String(FUZZ_SEED), corpusAt(corpus), crash, argument];
  const { stdout, stderr, exitCode } = Bun.spawnSync([program, ...words], {
    // An allocation of half a gigabyte fails with std::bad_alloc.
    env: { ...process.env, ASAN_OPTIONS: "allocator_may_return_null=1:max_allocation_size_mb=512" },
  });
  console.log(`${corpus}: ${stdout.toString().trim()}`);
  if (exitCode === 0) return;
  const which = `PAGODA_FUZZ_SEED=${FUZZ_SEED} broke ${program}; the input is in ${crash}`;
  throw new Error(`${which}\n${stderr.toString().slice(0, 6000)}`);
}
