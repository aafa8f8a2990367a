// Resolves a model name to a GGUF file, which is downloaded if it is not on this machine. An existing
// model is never checked for updates, except by `pull`.

import { createHash } from "node:crypto";
import { readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { ConfigError } from "../errors.ts";
import { download } from "../runtime/download.ts";
import { fileExists, isFolder, isPlainFile } from "../runtime/system.ts";
import { shownUrl } from "../shown-url.ts";
import { DEFAULT_MODEL_FILE } from "./default-model.ts";
import { isModelFile, partsOf, pickFile, wantedIn } from "./gguf-files.ts";
import {
  cacheHome,
  type Env,
  fileUrl,
  type HubFile,
  type HubRepo,
  hubEndpoint,
  hubHeaders,
  isHubOffline,
  readRepo,
  TOKEN_HINT,
  userHome,
} from "./hub.ts";
import { CachedRepo } from "./hub-cache.ts";
import { defaultHubFile, type ModelName, parseModelName } from "./model-name.ts";

/** @param total bytes; null if unknown */
export type OnProgress = (done: number, total: number | null) => void;

export interface ModelSourceOptions {
  /** Folder of models that ship with the program, including the default model; null = none. */
  readonly modelsDir: string | null;
  readonly env: Env;
  readonly log: (line: string) => void;
  /** Whether to avoid the network, as with HF_HUB_OFFLINE. */
  readonly isOffline?: boolean;
  /** Branch, tag or commit of a repository on the hub. Default: main. */
  readonly revision?: string;
  /** Shows a download's progress. Default: a log line every 10%. @param what the file's name */
  readonly progressOf?: (what: string) => OnProgress;
  /** Stops a download, which then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * @returns path of the file; for a split model, of the first part
 * @throws ConfigError "model_not_found", "no_such_quant", "download_failed", "disk_full" or
 * "checksum_mismatch"
 */
export async function resolveModel(name: string, options: ModelSourceOptions): Promise<string> {
  const parsed = parsedName(name, options);
  const found = findModel(parsed, options, isOffline(options));
  if (found !== null) return found;
  try {
    return await fetchModel(parsed, options);
  } catch (error) {
    // Without the hub, another quantization on this machine is better than none.
    const other = findModel(parsed, options, true);
    const isAway = error instanceof ConfigError && error.code === "download_failed";
    if (!isAway || other === null) throw error;
    options.log(`the hub cannot be reached; using ${basename(other)}, which is on this machine`);
    return other;
  }
}

/** @returns path of the model that resolveModel would use without a download; null if there is none */
export function installedPath(
  name: string,
  options: Pick<ModelSourceOptions, "env" | "modelsDir">,
): string | null {
  return findModel(parsedName(name, options), options, false);
}

/** Does the same as resolveModel, but checks the hub for a newer version first. */
export async function pullModel(name: string, options: ModelSourceOptions): Promise<string> {
  const parsed = parsedName(name, options);
  const isOfHub = parsed.kind.startsWith("hub") && !isOffline(options);
  return isOfHub ? fetchModel(parsed, options) : resolveModel(name, options);
}

/**
 * Parses a model name. A file takes precedence over a repository with the same name; a folder does not.
 * @throws ConfigError "model_not_found" for text that cannot name a model
 */
function parsedName(typed: string, { env }: Pick<ModelSourceOptions, "env">): ModelName {
  if (typed.includes("\0")) {
    throw new ConfigError("model_not_found", "a model name cannot contain a NUL character");
  }
  const name = withHome(typed, env);
  if (isPlainFile(name)) return { kind: "path", path: name };
  if (fileExists(name) && !isFolder(name)) throw notPlain(name);
  const parsed = parseModelName(name, hubEndpoint(env));
  if (parsed.kind === "path" && isFolder(name)) throw folderNamed(name);
  return parsed;
}

/** Expands "~" and "~/", which can remain in "--model=~/x", environment variables and YAML files. */
function withHome(name: string, env: Env): string {
  return /^~(\/|$)/.test(name) && !fileExists(name) ? join(userHome(env), name.slice(2)) : name;
}

/** @returns the error for a special file: opening a pipe would block, and no signal would end the wait */
function notPlain(path: string): ConfigError {
  const message = `${path} is a pipe, a socket or a device; a model must be a regular file`;
  return new ConfigError("model_not_found", message);
}

function folderNamed(folder: string): ConfigError {
  const files = readdirSync(folder);
  const models = files.filter(isModelFile);
  const isOther = files.some((file) => file.endsWith(".safetensors"));
  const other = isOther ? "; it contains safetensors, which must be converted to GGUF" : "";
  const there = models.length === 0 ? other : `; available: ${models.join(", ")}`;
  const message = `${folder} is a folder; name a GGUF file in it${there}`;
  return new ConfigError("model_not_found", message);
}

function isOffline(options: ModelSourceOptions): boolean {
  return options.isOffline === true || isHubOffline(options.env);
}

/** @param takesAny whether to accept any quantization if none was named */
function findModel(
  name: ModelName,
  options: Pick<ModelSourceOptions, "env" | "modelsDir" | "revision">,
  takesAny: boolean,
): string | null {
  const { env, modelsDir } = options;
  const orNull = (path: string) => (fileExists(path) ? path : null);
  const asked = revisionOf(name, options);
  const revision = asked === MAIN ? null : asked;
  switch (name.kind) {
    case "path":
      return orNull(name.path);
    case "default": {
      const { repo, path } = defaultHubFile();
      const own = modelsDir === null ? null : orNull(join(modelsDir, DEFAULT_MODEL_FILE.name));
      const cached = new CachedRepo(env, repo);
      return own ?? cached.find((files) => files.find((file) => file === path));
    }
    case "hub":
      return new CachedRepo(env, name.repo).find(
        (files) => wantedIn(files, name.quant, takesAny),
        revision,
      );
    case "hub-file":
      return new CachedRepo(env, name.repo).find(
        (files) => files.find((file) => file === name.path),
        revision,
      );
    case "url":
      return orNull(urlTarget(name.url, env));
  }
}

const MAIN = "main";

/** @returns the branch in the name itself; otherwise, the one set as an option */
function revisionOf(name: ModelName, { revision = MAIN }: { readonly revision?: string }): string {
  return "revision" in name && name.revision !== undefined ? name.revision : revision;
}

/** @throws ConfigError as resolveModel does */
async function fetchModel(name: ModelName, options: ModelSourceOptions): Promise<string> {
  if (name.kind === "path") {
    throw new ConfigError("model_not_found", noFileText(name.path));
  }
  if (isOffline(options)) throw notHere(name);
  if (name.kind === "url") return fetchUrl(name.url, options);
  const { repo: repoName } = name.kind === "default" ? defaultHubFile() : name;
  const revision = revisionOf(name, options);
  const repo = await readRepo(repoName, revision, options);
  const paths = repo.files.map(({ path }) => path);
  const first = firstFile(name, repo, paths);
  const cached = new CachedRepo(options.env, repoName);
  for (const path of partsOf(paths, first)) {
    const file = repo.files.find((one) => one.path === path);
    if (file !== undefined) await fetchFile(repo, file, cached, options);
  }
  cached.writeRef(revision, repo.commit);
  return cached.pathOf(repo.commit, first);
}

/** Reports a missing file and suggests what else the name could mean. */
function noFileText(path: string): string {
  const isWord = !/[/\\]/.test(path) && !isModelFile(path);
  if (isWord)
    return `there is no file ${path}; models on the hub are named user/repo:quant, and \`ls\` lists local models`;
  const isOfHub = /^\w[\w.-]*(\/[\w.-]+){2,}\.gguf$/.test(path);
  return `there is no file ${path}${isOfHub ? `; for a file on the hub, use hf://${path}` : ""}`;
}

function notHere(name: ModelName): ConfigError {
  const shown =
    "repo" in name
      ? name.repo
      : name.kind === "url"
        ? shownUrl(name.url.href)
        : "the default model";
  return new ConfigError(
    "model_not_found",
    `${shown} is not on this machine, and downloads are turned off`,
  );
}

/** @throws ConfigError "no_such_quant" or "model_not_found" */
function firstFile(name: ModelName, repo: HubRepo, paths: readonly string[]): string {
  if (name.kind === "hub") return pickFile(repo.name, paths, name.quant);
  const wanted = name.kind === "hub-file" ? name.path : DEFAULT_MODEL_FILE.name;
  if (paths.includes(wanted)) return wanted;
  throw new ConfigError("model_not_found", `${repo.name} has no file ${wanted}`);
}

async function fetchFile(
  repo: HubRepo,
  file: HubFile,
  cached: CachedRepo,
  options: ModelSourceOptions,
): Promise<void> {
  const blob = cached.blobPath(file);
  if (fileExists(cached.pathOf(repo.commit, file.path))) return;
  if (!fileExists(blob)) {
    options.log(`downloading ${file.path} from ${repo.name}`);
    await download({
      url: fileUrl(repo, file.path, options.env),
      headers: hubHeaders(options.env),
      target: blob,
      partial: `${blob}.incomplete`,
      sha256: file.sha256,
      bytes: file.bytes,
      refusalHint: TOKEN_HINT,
      connectTimeoutMs: 20_000,
      signal: options.signal,
      onProgress: progressOf(options, basename(file.path)),
    });
  }
  cached.link(repo, file);
}

async function fetchUrl(url: URL, options: ModelSourceOptions): Promise<string> {
  const target = urlTarget(url, options.env);
  options.log(`downloading ${shownUrl(url.href)}`);
  await download({
    url: url.href,
    target,
    sha256: null,
    startsWith: "GGUF",
    connectTimeoutMs: 20_000,
    signal: options.signal,
    onProgress: progressOf(options, basename(target)),
  });
  return target;
}

function progressOf({ progressOf, log }: ModelSourceOptions, what: string): OnProgress {
  return progressOf?.(what) ?? progressLine(`downloading ${what}`, log);
}

/** @returns the folder for files from URLs, which are stored by host and path */
export function urlFolder(env: Env): string {
  return join(cacheHome(env), "pagoda", "models");
}

/**
 * Ignores a query that follows a model's name, such as a signature. Any other query can name the file, as in
 * "/repo?FilePath=model.gguf", so its digest becomes part of the path. The query itself could contain a secret.
 */
function urlTarget({ host, pathname, search }: URL, env: Env): string {
  // Keeps percent escapes, since the decoded path could lead outside the folder.
  const path = join(urlFolder(env), host.replace(":", "_"), pathname);
  if (search === "" || pathname.endsWith(".gguf")) return path;
  const digest = createHash("sha256").update(search).digest("hex").slice(0, 12);
  return `${path}-${digest}.gguf`;
}

/** Logs a line every 10% of the file, or every 64 MiB if its size is unknown. */
export function progressLine(what: string, log: (line: string) => void): OnProgress {
  let last = 0;
  return (done, total) => {
    const step = total === null ? Math.floor(done / 2 ** 26) : Math.floor((10 * done) / total);
    if (step <= last) return;
    last = step;
    const size = `${Math.round(done / 2 ** 20)} MiB`;
    log(total === null ? `${what}: ${size}` : `${what}: ${step * 10}% (${size})`);
  };
}
