// Builds llguidance, the grammar engine, as a static library with cargo. If cargo or its packages
// are missing, the library from its Python package is placed next to the addon. Without either, requests
// for structured output are refused.

import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { Checkout } from "./checkout.ts";
import { addWheelLibraries, WHEEL_LIBRARIES, WHEEL_REQUIREMENTS } from "./grammar-wheel.ts";
import { hasTool } from "./needed-tools.ts";
import { say, sayUpToDate } from "./report.ts";
import { run } from "./shell.ts";

/** Oldest cargo that can build llguidance 1.9, according to its manifest. */
const OLDEST_CARGO = [1, 87] as const;

const CRATE_FILES = ["Cargo.toml", "crates.lock", "lib.rs"].map((name) => `native/grammar/${name}`);

/** Builds the library, which CMakeLists.txt links if it exists. */
export async function buildGrammarLibrary(checkout: Checkout): Promise<void> {
  const crate = checkout.stampOf(CRATE_FILES, [`${process.platform} ${process.arch}`]);
  if (existsSync(libraryPath(checkout)) && checkout.readStamp("grammar") === crate) {
    sayUpToDate("grammar engine");
    return;
  }
  const reason = (await reasonAgainst()) ?? (await build(checkout));
  if (reason === null) checkout.writeStamp("grammar", crate);
  else goWithout(checkout, reason);
}

/** @returns a stamp of the library, which is an input to the addon's build; "" if there is no library */
export function grammarStamp(checkout: Checkout): string {
  return existsSync(libraryPath(checkout)) ? (checkout.readStamp("grammar") ?? "") : "";
}

function libraryPath(checkout: Checkout): string {
  return checkout.path("build", "grammar", "release", "libpagoda_grammar.a");
}

/** @returns the reason why the library was not built; null on success */
async function build(checkout: Checkout): Promise<string | null> {
  say("grammar engine: building llguidance with cargo; this takes a minute or two");
  const crate = checkout.path("build", "grammar", "crate");
  mkdirSync(crate, { recursive: true });
  for (const file of CRATE_FILES) copyFileSync(checkout.path(file), join(crate, basename(file)));
  const locked = await lock(crate);
  if (locked !== null) return locked;
  const command = ["cargo", "build", "--release", "--locked", "--quiet", "--target-dir", ".."];
  const { exitCode, output } = await run(command, { cwd: crate });
  if (exitCode !== 0) return faultOf(output);
  say("grammar engine: built");
  return null;
}

/**
 * Writes Cargo.lock with the versions and checksums of crates.lock and with the registry that cargo
 * is configured to use.
 * @returns the reason for a failure; null on success
 */
async function lock(crate: string): Promise<string | null> {
  rmSync(join(crate, "Cargo.lock"), { force: true });
  const { exitCode, output } = await run(["cargo", "generate-lockfile"], { cwd: crate });
  if (exitCode !== 0) return faultOf(output);
  const source = /^source = .*$/m.exec(readFileSync(join(crate, "Cargo.lock"), "utf8"))?.[0];
  const pinned = readFileSync(join(crate, "crates.lock"), "utf8");
  const withSource = pinned.replaceAll(/^checksum = /gm, `${source}\nchecksum = `);
  writeFileSync(join(crate, "Cargo.lock"), withSource);
  return null;
}

const faultOf = (output: string) => `cargo failed: ${output.split("\n").at(-1) ?? ""}`;

/** @returns the reason why cargo cannot build the library; null if it can */
async function reasonAgainst(): Promise<string | null> {
  if (!hasTool("cargo")) return "cargo is missing";
  const { output } = await run(["cargo", "--version"]);
  const version = /cargo (\d+)\.(\d+)/.exec(output);
  if (version === null) return `unknown cargo: ${output}`;
  const [major, minor] = [Number(version[1]), Number(version[2])];
  const [oldestMajor, oldestMinor] = OLDEST_CARGO;
  const isNew = major > oldestMajor || (major === oldestMajor && minor >= oldestMinor);
  return isNew ? null : `cargo ${major}.${minor} is older than ${OLDEST_CARGO.join(".")}`;
}

/** Removes a library of a different version. */
function goWithout(checkout: Checkout, reason: string): void {
  rmSync(libraryPath(checkout), { force: true });
  checkout.writeStamp("grammar-reason", reason);
}

/**
 * Places llguidance's shared library next to the built addon if the static library could not be built. Reports
 * a failure once, and retries only if an input has changed, since every setup runs this.
 */
export async function addSharedGrammarLibrary(checkout: Checkout, folder: string): Promise<void> {
  if (existsSync(libraryPath(checkout))) return;
  const reason = checkout.readStamp("grammar-reason") ?? "";
  const stamp = checkout.stampOf([WHEEL_REQUIREMENTS], [reason]);
  const isThere = WHEEL_LIBRARIES.every((name) => existsSync(join(folder, name)));
  if (isThere && checkout.readStamp("grammar-wheel") === stamp) {
    sayUpToDate("grammar engine");
    return;
  }
  if (checkout.readStamp("grammar-wheel-failed") === stamp) return;
  const wheelReason = await addWheelLibraries(checkout, folder);
  if (wheelReason === null) {
    checkout.writeStamp("grammar-wheel", stamp);
    say(`grammar engine: from llguidance's Python package (${reason})`);
    return;
  }
  checkout.writeStamp("grammar-wheel-failed", stamp);
  say(
    `grammar engine: none (${reason}; ${wheelReason}); requests for structured output will be refused`,
  );
}
