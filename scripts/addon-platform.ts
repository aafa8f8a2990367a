// Reads a native addon's platform from its header, and checks whether this checkout's addon
// runs on other machines.

import { existsSync, readFileSync } from "node:fs";
import type { Checkout } from "./checkout.ts";
import { SetupError } from "./report.ts";

/**
 * Platform in Node's terms, such as "linux-x64" or "darwin-arm64"; "linux-x64-musl" if the C library is musl.
 */
export type Platform = `${string}-${string}`;

export function hostPlatform(): Platform {
  return `${process.platform}-${process.arch}`;
}

const ELF_MACHINES: Readonly<Record<number, string>> = { 62: "x64", 183: "arm64" };
const MACH_CPUS: Readonly<Record<number, string>> = { 16777223: "x64", 16777228: "arm64" };
const PE_MACHINES: Readonly<Record<number, string>> = { 34404: "x64", 43620: "arm64" };

/** @returns null if the file is not a library for a known platform */
export function platformOf(file: Uint8Array): Platform | null {
  if (file.length < 64) return null;
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  if (view.getUint32(0) === 0x7f454c46) {
    const platform = named("linux", ELF_MACHINES[view.getUint16(18, true)]);
    return platform !== null && needsMusl(file) ? `${platform}-musl` : platform;
  }
  if (view.getUint32(0, true) === 0xfeedfacf) {
    return named("darwin", MACH_CPUS[view.getUint32(4, true)]);
  }
  const header = view.getUint32(60, true);
  if (view.getUint16(0) !== 0x4d5a || header + 6 > file.length) return null;
  return named("win32", PE_MACHINES[view.getUint16(header + 4, true)]);
}

function needsMusl(file: Uint8Array): boolean {
  return Buffer.from(file.buffer, file.byteOffset, file.byteLength).includes("libc.musl-");
}

function named(system: string, machine: string | undefined): Platform | null {
  return machine === undefined ? null : `${system}-${machine}`;
}

/** @returns the minimum glibc version, such as "2.36"; null if glibc is not needed */
export function glibcOf(file: Uint8Array): string | null {
  const text = Buffer.from(file.buffer, file.byteOffset, file.byteLength).toString("latin1");
  const minors = [...text.matchAll(/GLIBC_2\.(\d+)/g)].map(([, minor]) => Number(minor));
  return minors.length === 0 ? null : `2.${Math.max(...minors)}`;
}

/** @throws SetupError when the file is missing, was built for a different platform, or lacks the grammar engine */
export function checkAddon(path: string, platform: Platform): void {
  if (!existsSync(path)) throw new SetupError(`${path} does not exist; run \`bun run setup\``);
  const file = readFileSync(path);
  const found = platformOf(file);
  if (found !== platform) {
    throw new SetupError(
      `${path} is an addon for ${found ?? "an unknown platform"}, not for ${platform}; build it on a machine with that platform`,
    );
  }
  if (hasGrammarEngine(file)) return;
  throw new SetupError(
    `${path} has no grammar engine, so it cannot be distributed; install cargo 1.87 or later and run \`bun run setup\` again`,
  );
}

/** Text in an addon that contains llguidance: a folder of its sources. */
const GRAMMAR_ENGINE = "llguidance-1.";

export function hasGrammarEngine(addon: Buffer): boolean {
  return addon.includes(GRAMMAR_ENGINE);
}

/**
 * Refuses an addon tuned for this machine's CPU, which would crash with an illegal instruction on
 * other machines.
 * @throws SetupError
 */
export function checkPortable(checkout: Checkout): void {
  const cache = checkout.path("build", "native", "CMakeCache.txt");
  const isTuned = existsSync(cache) && /^GGML_NATIVE:BOOL=ON$/m.test(readFileSync(cache, "utf8"));
  if (!isTuned || process.arch !== "x64") return;
  throw new SetupError(
    "the addon is tuned for this machine's CPU; run `PAGODA_NATIVE=OFF bun run setup` first",
  );
}
