// From what the operator names to a GGUF file: a path, the default model, or user/repo:quant of the
// Hugging Face hub, found where it was put before or downloaded.

import { readdirSync } from "node:fs";
import { homedir } from "node:os";
import { basename, join } from "node:path";
import { ConfigError } from "../errors.ts";
import { download } from "../runtime/download.ts";
import { fileExists } from "../runtime/system.ts";
import { DEFAULT_MODEL, DEFAULT_MODEL_FILE } from "./default-model.ts";
import { partsOf, pickFile, wantedIn } from "./gguf-files.ts";

export type Env = Readonly<Record<string, string | undefined>>;

export interface ModelSourceOptions {
  /** Folder that downloads go to. */
  readonly modelsDir: string;
  readonly env: Env;
  readonly log: (line: string) => void;
}

/**
 * @returns path of the file, of the first one for a model in parts
 * @throws ConfigError "model_not_found", "no_such_quant", "download_failed" or "checksum_mismatch"
 */
export async function resolveModel(name: string, options: ModelSourceOptions): Promise<string> {
  if (fileExists(name)) return name;
  if (name === DEFAULT_MODEL) return defaultModel(options.modelsDir);
  const match = /^([\w.-]+\/[\w.-]+?)(?::([\w.-]+))?$/.exec(name);
  const repo = match?.[1];
  if (repo === undefined || name.endsWith(".gguf")) {
    throw new ConfigError("model_not_found", `there is no file ${name}`);
  }
  return resolveHubModel(repo, match?.[2] ?? null, options);
}

export function hubEndpoint(env: Env): string {
  return (env["HF_ENDPOINT"] || "https://huggingface.co").replace(/\/$/, "");
}

export function hubHeaders(env: Env): Record<string, string> {
  const token = env["HF_TOKEN"];
  return token ? { authorization: `Bearer ${token}` } : {};
}

/** @returns a file of the hub's own cache, which other programs fill too; null without one */
export function findInHubCache(
  env: Env,
  repo: string,
  find: (files: readonly string[]) => string | undefined,
): string | null {
  const home = env["HF_HOME"] || join(homedir(), ".cache", "huggingface");
  const cache = env["HF_HUB_CACHE"] || join(home, "hub");
  const snapshots = join(cache, `models--${repo.replace("/", "--")}`, "snapshots");
  if (!fileExists(snapshots)) return null;
  for (const snapshot of readdirSync(snapshots)) {
    const folder = join(snapshots, snapshot);
    const found = find(readdirSync(folder, { recursive: true, encoding: "utf8" }));
    if (found !== undefined) return join(folder, found);
  }
  return null;
}

function defaultModel(modelsDir: string): string {
  const path = join(modelsDir, DEFAULT_MODEL_FILE.name);
  if (fileExists(path)) return path;
  throw new ConfigError("model_not_found", `there is no file ${path}; \`bun run setup\` gets it`);
}

async function resolveHubModel(
  repo: string,
  quant: string | null,
  options: ModelSourceOptions,
): Promise<string> {
  const { env, modelsDir } = options;
  const folder = join(modelsDir, repo.replace("/", "--"));
  const isOffline = env["HF_HUB_OFFLINE"] === "1";
  const find = (files: readonly string[]) => wantedIn(files, quant, isOffline);
  const local = fileExists(folder) ? find(readdirSync(folder)) : undefined;
  if (local !== undefined) return join(folder, local);
  const cached = findInHubCache(env, repo, find);
  if (cached !== null) return cached;
  if (isOffline) {
    const message = `${repo} is not in the cache, and HF_HUB_OFFLINE is set`;
    throw new ConfigError("model_not_found", message);
  }
  const files = await listFiles(repo, env);
  const paths = files.map(({ path }) => path);
  const first = pickFile(repo, paths, quant);
  for (const path of partsOf(paths, first)) {
    const sha256 = files.find((file) => file.path === path)?.lfs?.oid ?? null;
    await downloadFile(repo, path, sha256, join(folder, basename(path)), options);
  }
  return join(folder, basename(first));
}

async function downloadFile(
  repo: string,
  path: string,
  sha256: string | null,
  target: string,
  { env, log }: ModelSourceOptions,
): Promise<void> {
  if (fileExists(target)) return;
  log(`downloading ${path} of ${repo}`);
  await download({
    url: `${hubEndpoint(env)}/${repo}/resolve/main/${path}`,
    headers: hubHeaders(env),
    target,
    sha256,
    connectTimeoutMs: 20_000,
    onProgress: progressLine(`downloading ${basename(path)}`, log),
  });
}

interface HubFile {
  readonly path: string;
  /** Of large files; `oid` is the SHA-256, hex. */
  readonly lfs?: { readonly oid: string };
}

async function listFiles(repo: string, env: Env): Promise<HubFile[]> {
  const url = `${hubEndpoint(env)}/api/models/${repo}/tree/main?recursive=true`;
  let response: Response;
  try {
    const signal = AbortSignal.timeout(20_000);
    response = await fetch(url, { headers: hubHeaders(env), signal });
    if (response.ok) return (await response.json()) as HubFile[];
  } catch (cause) {
    const message = `the hub cannot be reached; give a GGUF file instead of ${repo}`;
    throw new ConfigError("download_failed", message, { cause });
  }
  const isRefused = response.status === 401 || response.status === 403;
  const hint = isRefused ? "; a private or gated model needs HF_TOKEN" : "; check the name";
  throw new ConfigError("model_not_found", `${repo}: HTTP ${response.status} from the hub${hint}`);
}

/** A line every tenth of the file; a whole one without a known length every 64 MiB. */
export function progressLine(what: string, log: (line: string) => void) {
  let last = 0;
  return (done: number, total: number | null): void => {
    const step = total === null ? Math.floor(done / 2 ** 26) : Math.floor((10 * done) / total);
    if (step <= last) return;
    last = step;
    const size = `${Math.round(done / 2 ** 20)} MiB`;
    log(total === null ? `${what}: ${size}` : `${what}: ${step * 10}% (${size})`);
  };
}
