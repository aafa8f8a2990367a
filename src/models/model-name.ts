// What a model can be called: a path, user/repo:quant of the hub, or a URL. Names only, no I/O.

import { basename } from "node:path";
import { ConfigError } from "../errors.ts";
import { DEFAULT_MODEL, DEFAULT_MODEL_FILE } from "./default-model.ts";

export type ModelName =
  | { readonly kind: "default" }
  | { readonly kind: "path"; readonly path: string }
  | { readonly kind: "hub"; readonly repo: string; readonly quant: string | null }
  /** One file of a repository. */
  | { readonly kind: "hub-file"; readonly repo: string; readonly path: string }
  | { readonly kind: "url"; readonly url: URL };

const REPO = /^(\w[\w.-]*\/\w[\w.-]*?)(?::([\w.-]+))?$/;
const HUB_FILE = /^(\w[\w.-]*\/\w[\w.-]*)\/(.+\.gguf)$/;
/** Of a file's page or its download, with the branch. */
const HUB_PATH = /^\/(\w[\w.-]*\/\w[\w.-]*)\/(?:resolve|blob)\/[^/]+\/(.+)$/;

/**
 * @param endpoint of the hub, whose URLs are files of it
 * @throws ConfigError "model_not_found" for what is none of them
 */
export function parseModelName(name: string, endpoint: string): ModelName {
  if (name.trim() === "") throw new ConfigError("model_not_found", "no model is named");
  if (name === DEFAULT_MODEL) return { kind: "default" };
  if (/^https?:\/\//i.test(name)) return parseUrl(name, endpoint);
  const hub = /^hf:(?:\/\/)?(.+)$/.exec(name)?.[1];
  const file = HUB_FILE.exec(hub ?? "");
  if (file !== null) return { kind: "hub-file", repo: file[1] ?? "", path: file[2] ?? "" };
  const repo = REPO.exec(hub ?? name);
  if (hub === undefined && (repo === null || name.endsWith(".gguf")))
    return { kind: "path", path: name };
  if (repo === null) throw new ConfigError("model_not_found", `${name} names no model of the hub`);
  return { kind: "hub", repo: repo[1] ?? "", quant: repo[2] ?? null };
}

/** The default model as a file of the hub. */
export function defaultHubFile(): { repo: string; path: string } {
  const [user, repo] = DEFAULT_MODEL_FILE.hubPath.split("/");
  return { repo: `${user}/${repo}`, path: DEFAULT_MODEL_FILE.name };
}

function parseUrl(name: string, endpoint: string): ModelName {
  if (!URL.canParse(name)) throw new ConfigError("model_not_found", `${name} is no URL`);
  const url = new URL(name);
  if (url.pathname.endsWith("/")) throw new ConfigError("model_not_found", `${name} names no file`);
  const file = url.origin === URL.parse(endpoint)?.origin ? HUB_PATH.exec(url.pathname) : null;
  if (file === null) return { kind: "url", url };
  return { kind: "hub-file", repo: file[1] ?? "", path: decodeURIComponent(file[2] ?? "") };
}

/** What a model is called when it is given no name: its file's, without the ending. */
export function modelNameOf(path: string): string {
  return basename(path).replace(/\.gguf$/, "");
}
