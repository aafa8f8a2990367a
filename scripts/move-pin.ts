// For maintainers: tries Pagoda's patches on another version of llama.cpp and reports the patches that do not
// apply. Tracked files change only with --write, and only if every patch applies.
//
//   bun scripts/move-pin.ts node-llama-cpp@3.23.0 [--write]    the commit in a package
//   bun scripts/move-pin.ts <commit>                           an upstream commit, as a preview

import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Checkout } from "./checkout.ts";
import { checkOut, fetchBundle, type Pin, submodulePath, tarballPath } from "./llama-cpp.ts";
import { integrityOf } from "./npm-package.ts";
import { exportSource, patchFiles } from "./patched-copy.ts";
import { SetupError, say } from "./report.ts";
import { refuseArguments, scriptArguments } from "./script-arguments.ts";
import { run, runOrFail } from "./shell.ts";

const PIN_PATH = join("scripts", "llama-cpp-pin.json");

/** @returns the pin and a repository that contains its commit */
async function fromPackage(checkout: Checkout, spec: string): Promise<[Pin, string]> {
  const bundle = await fetchBundle(checkout, { commit: "", package: spec, integrity: null });
  const heads = await runOrFail(["git", "bundle", "list-heads", bundle, "HEAD"], "git bundle");
  const commit = heads.split(" ")[0] ?? "";
  const folder = checkout.path("build", "move-pin", "repository");
  rmSync(folder, { recursive: true, force: true });
  await checkOut(folder, bundle, commit);
  rmSync(bundle);
  return [{ commit, package: spec, integrity: integrityOf(tarballPath(checkout)) }, folder];
}

/**
 * @returns a repository that contains the commit: the submodule if it has the commit, otherwise a new clone from
 * upstream
 */
async function fromUpstream(checkout: Checkout, commit: string): Promise<string> {
  const submodule = submodulePath(checkout);
  if (existsSync(join(submodule, ".git"))) {
    const { exitCode } = await run([
      "git",
      "-C",
      submodule,
      "cat-file",
      "-e",
      `${commit}^{commit}`,
    ]);
    if (exitCode === 0) return submodule;
  }
  const key = "submodule.third_party/llama.cpp.url";
  const config = ["git", "config", "-f", checkout.path(".gitmodules"), key];
  const url = await runOrFail(config, "reading .gitmodules");
  const folder = checkout.path("build", "move-pin", "repository");
  rmSync(folder, { recursive: true, force: true });
  await runOrFail(["git", "init", "-q", folder], "git init");
  const fetchCommand = ["git", "-C", folder, "fetch", "-q", "--depth", "1", url, commit];
  await runOrFail(fetchCommand, `fetching ${commit} from ${url}`);
  return folder;
}

/**
 * Applies every patch as far as possible, so that a conflict does not hide later conflicts. @returns the
 * conflicts for each patch
 */
export async function tryPatches(
  checkout: Checkout,
  repository: string,
  commit: string,
): Promise<Map<string, string[]>> {
  const source = checkout.path("build", "move-pin", "source");
  await exportSource(repository, commit, source);
  const faults = new Map<string, string[]>();
  for (const patch of patchFiles(checkout)) {
    const command = ["git", "apply", "--reject", checkout.path(patch)];
    const { exitCode, output } = await run(command, { cwd: source });
    const places = [...output.matchAll(/^error: (patch failed|.*: No such file).*$/gm)];
    faults.set(patch, exitCode === 0 ? [] : places.map(([line]) => line.slice("error: ".length)));
  }
  return faults;
}

/** Writes the pin and stages it as the submodule's commit. */
async function writePin(checkout: Checkout, pin: Pin): Promise<void> {
  writeFileSync(checkout.path(PIN_PATH), `${JSON.stringify(pin, null, 2)}\n`);
  const entry = `160000,${pin.commit},third_party/llama.cpp`;
  await runOrFail(
    ["git", "-C", checkout.root, "update-index", "--add", "--cacheinfo", entry],
    "git",
  );
  say(`${PIN_PATH} and the submodule are at ${pin.commit}; run setup and tests, then commit both`);
}

async function movePin(checkout: Checkout, target: string, mayWrite: boolean): Promise<void> {
  const isPackage = target.includes("@");
  const [pin, repository] = isPackage
    ? await fromPackage(checkout, target)
    : [null, await fromUpstream(checkout, target)];
  const faults = await tryPatches(checkout, repository, pin?.commit ?? target);
  for (const [patch, places] of faults) {
    say(places.length === 0 ? `${patch} applies` : `${patch} does not apply:`);
    for (const place of places) say(`  ${place}`);
  }
  const numFaulty = [...faults.values()].filter((places) => places.length > 0).length;
  if (numFaulty > 0) {
    throw new SetupError(
      `${numFaulty} of ${faults.size} patches do not apply; the rejects are in build/move-pin/source`,
    );
  }
  if (mayWrite && pin !== null) await writePin(checkout, pin);
}

const USAGE = `bun scripts/move-pin.ts <package@version | commit> [--write]
Try Pagoda's patches on another version of llama.cpp and list patches that do not apply. With --write, move the pin if all apply.`;

if (import.meta.main) {
  const { values, positionals } = scriptArguments(USAGE, {
    options: { write: { type: "boolean", default: false } },
    allowPositionals: true,
  });
  const [target, ...more] = positionals;
  if (target === undefined || more.length > 0) refuseArguments("name one package or commit");
  try {
    await movePin(new Checkout(), target, values.write);
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    say(`error: ${error.message}`);
    process.exit(1);
  }
}
