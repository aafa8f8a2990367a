// Makes build/llama.cpp, a copy of the pinned source with Pagoda's patches. Only this copy is compiled.
// Unchanged files keep their timestamps, so changing a patch causes only a few files to be rebuilt.

import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, utimesSync } from "node:fs";
import { join } from "node:path";
import type { Checkout } from "./checkout.ts";
import { type Pin, submodulePath } from "./llama-cpp.ts";
import { SetupError, say, sayUpToDate } from "./report.ts";
import { run, runOrFail } from "./shell.ts";

const STEP = "llama.cpp";

/** @returns the patches' paths relative to the root, in the order they are applied */
export function patchFiles(checkout: Checkout): string[] {
  return checkout.filesIn(join("third_party", "patches"), [".patch"]);
}

/** @throws SetupError naming the patch that does not apply */
export async function makePatchedCopy(checkout: Checkout, pin: Pin): Promise<void> {
  const copy = checkout.path("build", "llama.cpp");
  const patches = patchFiles(checkout);
  const stamp = checkout.stampOf(patches, [pin.commit]);
  if (existsSync(copy) && checkout.readStamp(STEP) === stamp) {
    sayUpToDate("patched copy");
    return;
  }
  say(`patched copy: applying ${patches.length} patches`);
  const fresh = `${copy}.new`;
  await exportSource(submodulePath(checkout), pin.commit, fresh);
  for (const patch of patches) {
    const fault = await applyPatch(fresh, checkout.path(patch));
    if (fault !== null) throw new SetupError(`${patch} does not apply: ${fault}`);
  }
  rmSync(join(fresh, ".git"), { recursive: true });
  checkout.clearStamp(STEP);
  if (existsSync(copy)) await keepTimes(fresh, copy);
  renameSync(fresh, copy);
  checkout.writeStamp(STEP, stamp);
}

/** Exports the tracked files of a commit into a new folder with its own git repository. */
export async function exportSource(source: string, commit: string, target: string): Promise<void> {
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  const archive = `${target}.tar`;
  const exportCommand = ["git", "-C", source, "archive", "--format=tar", "-o", archive, commit];
  await runOrFail(exportCommand, "exporting the source");
  await runOrFail(["tar", "xf", archive, "-C", target], "unpacking the source");
  rmSync(archive);
  await runOrFail(["git", "-c", "init.defaultBranch=main", "init", "-q", target], "git init");
}

/** @returns git's message about the first conflict; null if the patch was applied */
export async function applyPatch(source: string, patch: string): Promise<string | null> {
  const { exitCode, output } = await run(["git", "apply", patch], { cwd: source });
  return exitCode === 0 ? null : (output.split("\n")[0] ?? "git apply failed");
}

/** Moves unchanged files from the old copy over the new files, then removes the old copy. */
async function keepTimes(fresh: string, old: string): Promise<void> {
  const now = new Date();
  for await (const file of new Bun.Glob("**/*").scan({ cwd: fresh, dot: true })) {
    const [to, from] = [join(fresh, file), join(old, file)];
    const isSame = existsSync(from) && readFileSync(to).equals(readFileSync(from));
    // A file that is no longer patched would get the commit's old timestamp, so the build would miss the
    // change.
    if (isSame) renameSync(from, to);
    else utimesSync(to, now, now);
  }
  rmSync(old, { recursive: true });
}
