// Access to the Hugging Face hub, compatible with its own clients: environment variables, repository
// contents, file URLs. Files are stored in the cache that those clients share; see hub-cache.ts.

import { homedir } from "node:os";
import { join } from "node:path";
import { connectionFault } from "../connection-fault.ts";
import { ConfigError } from "../errors.ts";
import { isPlainFile, readText } from "../runtime/system.ts";

export type Env = Readonly<Record<string, string | undefined>>;

/** Hint for requests that the hub refuses. */
export const TOKEN_HINT = "a private or gated model needs HF_TOKEN";

const REQUEST_TIMEOUT_MS = 20_000;

export function hubEndpoint(env: Env): string {
  return (env["HF_ENDPOINT"] || "https://huggingface.co").replace(/\/+$/, "");
}

/** @throws ConfigError "invalid_option" for a token that no header can carry */
export function hubHeaders(env: Env): Record<string, string> {
  const token = hubToken(env);
  if (token === null) return {};
  if (/^[!-~]+$/.test(token)) return { authorization: `Bearer ${token}` };
  const message =
    "the hub's token is not a single word in ASCII; check HF_TOKEN, or run `hf auth login`";
  throw new ConfigError("invalid_option", message);
}

/** @returns the token from the environment, otherwise the token from `hf auth login` */
function hubToken(env: Env): string | null {
  const given = env["HF_TOKEN"] || env["HUGGING_FACE_HUB_TOKEN"];
  if (given) return given.trim();
  const path = expanded(env["HF_TOKEN_PATH"], env) || join(hubHome(env), "token");
  return isPlainFile(path) ? readText(path).trim() || null : null;
}

export function hubCacheFolder(env: Env): string {
  const folder = env["HF_HUB_CACHE"] || env["HUGGINGFACE_HUB_CACHE"];
  return expanded(folder, env) || join(hubHome(env), "hub");
}

function hubHome(env: Env): string {
  return expanded(env["HF_HOME"], env) || join(cacheHome(env), "huggingface");
}

/** @returns the user's folder for files that can be downloaded again */
export function cacheHome(env: Env): string {
  return expanded(env["XDG_CACHE_HOME"], env) || join(userHome(env), ".cache");
}

/** @returns the user's home folder */
export function userHome(env: Env): string {
  return env["HOME"] || homedir();
}

/**
 * Expands "~" and variables as the hub's own clients do, since no shell reads the files of service managers and
 * containers.
 */
function expanded(path: string | undefined, env: Env): string {
  return (path ?? "")
    .replace(/^~(?=\/|$)/, () => userHome(env))
    .replace(/\$(?:(\w+)|\{(\w+)\})/g, (whole, name, braced) => env[name ?? braced] ?? whole);
}

export function isHubOffline(env: Env): boolean {
  return ["1", "true", "yes", "on"].includes((env["HF_HUB_OFFLINE"] ?? "").toLowerCase());
}

export interface HubFile {
  /** Path within the repository. */
  readonly path: string;
  readonly bytes: number;
  /** SHA-256 of a large file, hex; null for small files, which are stored in git. */
  readonly sha256: string | null;
  /** Name of the blob in the cache: the SHA-256, or git's object ID. */
  readonly blob: string;
}

/** A repository at one commit. */
export interface HubRepo {
  readonly name: string;
  readonly commit: string;
  readonly files: readonly HubFile[];
}

interface RepoResponse {
  readonly sha: string;
  readonly siblings: readonly {
    readonly rfilename: string;
    readonly size?: number;
    readonly blobId?: string;
    readonly lfs?: { readonly sha256: string } | null;
  }[];
}

/**
 * @throws ConfigError "download_failed" when the hub cannot be reached, or "model_not_found"; the signal's reason
 */
export async function readRepo(
  name: string,
  revision: string,
  { env, signal }: { readonly env: Env; readonly signal?: AbortSignal | undefined },
): Promise<HubRepo> {
  const headers = hubHeaders(env);
  const path = `api/models/${name}/revision/${encodeURIComponent(revision)}?blobs=true`;
  let response: Response;
  try {
    response = await fetch(`${hubEndpoint(env)}/${path}`, {
      headers,
      signal: AbortSignal.any([
        AbortSignal.timeout(REQUEST_TIMEOUT_MS),
        ...(signal === undefined ? [] : [signal]),
      ]),
    });
    if (response.ok) return repoOf(name, (await response.json()) as RepoResponse);
  } catch (cause) {
    signal?.throwIfAborted();
    const reason = connectionFault(cause);
    const message = `the hub cannot be reached (${reason}); pass a GGUF file instead of ${name}`;
    throw new ConfigError("download_failed", message, { cause });
  }
  throw refused(name, response.status);
}

const STATUS_HINTS: Readonly<Record<number, string>> = {
  401: TOKEN_HINT,
  403: TOKEN_HINT,
  404: "check the name",
  429: "the hub's rate limit was reached; set HF_TOKEN to raise it",
};

function refused(name: string, status: number): ConfigError {
  const isThere = status >= 500 || status === 429;
  const hint = STATUS_HINTS[status] ?? (isThere ? "try again later" : "check the name");
  const message = `${name}: HTTP ${status} from the hub; ${hint}`;
  return new ConfigError(isThere ? "download_failed" : "model_not_found", message);
}

/** Skips files whose names could lead outside the cache, since names become paths. */
function repoOf(name: string, { sha, siblings }: RepoResponse): HubRepo {
  if (typeof sha !== "string" || !Array.isArray(siblings))
    throw new Error("not a response from a Hugging Face hub");
  const files = siblings.map(({ rfilename, size = 0, blobId = "", lfs }) => {
    const sha256 = lfs?.sha256 ?? null;
    return { path: rfilename, bytes: size, sha256, blob: sha256 ?? blobId };
  });
  const isName = (text: string) => /^[0-9a-zA-Z]+$/.test(text);
  const isWithin = (path: string) =>
    !path.split("/").some((part) => ["", ".", ".."].includes(part));
  if (!isName(sha)) throw new Error("the hub's response has no commit");
  return {
    name,
    commit: sha,
    files: files.filter(({ path, blob }) => isWithin(path) && isName(blob)),
  };
}

export function fileUrl({ name, commit }: HubRepo, path: string, env: Env): string {
  const encoded = path.split("/").map(encodeURIComponent).join("/");
  return `${hubEndpoint(env)}/${name}/resolve/${commit}/${encoded}`;
}
