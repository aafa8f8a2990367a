// Parses model names (a path, user/repo:quant on the hub, or a URL), without I/O.

import { basename } from "node:path";
import { ConfigError } from "../errors.ts";
import { DEFAULT_MODEL, DEFAULT_MODEL_FILE } from "./default-model.ts";

export type ModelName =
  | { readonly kind: "default" }
  | { readonly kind: "path"; readonly path: string }
  | ({ readonly kind: "hub"; readonly repo: string; readonly quant: string | null } & OnBranch)
  /** A single file in a repository. */
  | ({ readonly kind: "hub-file"; readonly repo: string; readonly path: string } & OnBranch)
  | { readonly kind: "url"; readonly url: URL };

interface OnBranch {
  /** Branch, tag or commit in the URL of a page, if it is not main. */
  readonly revision?: string;
}

const REPO = /^(\w[\w.-]*\/\w[\w.-]*?)(?::([\w.-]+))?$/;
const HUB_FILE = /^(\w[\w.-]*\/\w[\w.-]*)\/(.+\.gguf)$/;
/** Matches the path of a file's page or download link, with the branch. */
const HUB_PATH = /^\/(\w[\w.-]*\/\w[\w.-]*)\/(?:resolve|blob)\/([^/]+)\/(.+)$/;
/** Matches the path of a repository's page, with or without a branch, or Ollama's form of it after hf.co. */
const HUB_PAGE = /^\/(\w[\w.-]*\/\w[\w.-]*?)(?:\/tree\/([^/:]+))?(?::([\w.-]+))?\/?$/;
const HUB_HOSTS = ["huggingface.co", "hf.co"];
/** Matches a page's URL without its scheme, as copied or as used with Ollama. */
const HUB_ADDRESS = /^(?:www\.)?(?:huggingface\.co|hf\.co)\//;

/** Names of the default model, including its file name, in lowercase. */
const DEFAULT_NAMES = [
  DEFAULT_MODEL,
  DEFAULT_MODEL_FILE.name,
  modelNameOf(DEFAULT_MODEL_FILE.name),
].map((name) => name.toLowerCase());

/**
 * @param endpoint URL of the hub; URLs below it refer to files on the hub
 * @throws ConfigError "model_not_found" for any other text
 */
export function parseModelName(name: string, endpoint: string): ModelName {
  if (name.trim() === "") throw new ConfigError("model_not_found", "the model name is empty");
  if (DEFAULT_NAMES.includes(name.toLowerCase())) return { kind: "default" };
  if (/^https?:\/\//i.test(name)) return parseUrl(name, endpoint);
  if (HUB_ADDRESS.test(name)) return parseUrl(`https://${name}`, endpoint);
  const hub = /^hf:(?:\/\/)?(.+)$/.exec(name)?.[1];
  const file = HUB_FILE.exec(hub ?? "");
  if (file !== null) return { kind: "hub-file", repo: file[1] ?? "", path: file[2] ?? "" };
  const repo = REPO.exec(hub ?? name);
  if (hub === undefined && (repo === null || name.endsWith(".gguf")))
    return { kind: "path", path: name };
  if (repo === null)
    throw new ConfigError("model_not_found", `${name} is not the name of a model on the hub`);
  return { kind: "hub", repo: repo[1] ?? "", quant: repo[2] ?? null };
}

/** @returns the default model as a file on the hub */
export function defaultHubFile(): { repo: string; path: string } {
  const [user, repo] = DEFAULT_MODEL_FILE.hubPath.split("/");
  return { repo: `${user}/${repo}`, path: DEFAULT_MODEL_FILE.name };
}

function parseUrl(name: string, endpoint: string): ModelName {
  if (!URL.canParse(name)) throw new ConfigError("model_not_found", `${name} is not a URL`);
  const url = new URL(name);
  const { origin, hostname, pathname } = url;
  if (
    origin === URL.parse(endpoint)?.origin ||
    HUB_HOSTS.includes(hostname.replace(/^www\./, ""))
  ) {
    const [, repoOfFile, branchOfFile, path] = HUB_PATH.exec(pathname) ?? [];
    if (repoOfFile !== undefined && path !== undefined)
      return {
        ...{ kind: "hub-file", repo: repoOfFile, path: decoded(path, name) },
        ...onBranch(branchOfFile, name),
      };
    const [, repo, branch, quant = null] = HUB_PAGE.exec(pathname) ?? [];
    if (repo !== undefined && !repo.endsWith(".gguf"))
      return { kind: "hub", repo, quant, ...onBranch(branch, name) };
  }
  if (pathname.endsWith("/"))
    throw new ConfigError("model_not_found", `${name} does not name a file`);
  return { kind: "url", url };
}

function onBranch(encoded: string | undefined, url: string): OnBranch {
  const revision = decoded(encoded ?? "main", url);
  return revision === "main" ? {} : { revision };
}

/** @throws ConfigError "model_not_found" for invalid percent-encoding */
function decoded(text: string, url: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new ConfigError("model_not_found", `${url} is not a URL: ${text} has an invalid %`);
  }
}

/** @returns the default served name: the file name without its extension */
export function modelNameOf(path: string): string {
  return basename(path).replace(/\.gguf$/, "");
}
