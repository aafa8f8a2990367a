// The package "pagoda/server": a model behind HTTP, in this process.

import { setTimeout as sleep } from "node:timers/promises";
import { checkSecrets } from "../cli/option-value.ts";
import { ConfigError } from "../errors.ts";
import { listen } from "../runtime/http-server.ts";
import { listenAddress } from "../runtime/listen-address.ts";
import type { ContextOptions } from "../server/context-options.ts";
import { createService, type Service } from "../server/service.ts";
import { LLM, partsOf } from "./llm.ts";
import { type NamesOf, strangeName } from "./option-names.ts";
import type { LoadOptions } from "./options.ts";

/** What an app over an LLM shows and accepts. */
export interface AppOptions {
  /** Names that requests may ask for; the first is reported. Default: the LLM's. */
  readonly modelNames?: readonly string[];
  /** Bearer tokens, one of which every route but probes needs. Default: none is needed. */
  readonly apiKeys?: readonly string[];
}

/** An app that does not listen. */
export interface App {
  /** Answers one request. Does not depend on `this`. */
  readonly fetch: (request: Request) => Promise<Response>;
}

/** Where and how a server listens. */
export interface ServeOptions extends AppOptions {
  /** Default: 127.0.0.1. */
  readonly host?: string;
  /** 0 = any free one. Default: 8000. */
  readonly port?: number;
  /** Names by which clients may call it besides its address: requests to another Host are refused. */
  readonly allowedHosts?: readonly string[];
  /** Of a model that is given by name. */
  readonly load?: LoadOptions;
}

const APP_NAMES: NamesOf<AppOptions> = { modelNames: true, apiKeys: true };

const SERVE_NAMES: NamesOf<ServeOptions> = {
  ...APP_NAMES,
  host: true,
  port: true,
  allowedHosts: true,
  load: true,
};

/** A server that listens. */
export interface RunningServer extends AsyncDisposable {
  /** Without a slash at its end, e.g. "http://127.0.0.1:8000". */
  readonly url: string;
  /** The one that it listens on. */
  readonly port: number;
  /** The model that answers. */
  readonly llm: LLM;
  /**
   * Takes no more connections, lets answers end, cuts those that take longer; then disposes of the model if
   * it was given by name.
   * @param grace seconds. Default: 25
   */
  stop(options?: { readonly grace?: number }): Promise<void>;
}

/**
 * The routes of `pagoda serve` (OpenAI's under /v1, /health, /metrics and more) over a loaded model, to be
 * mounted into a server of Bun, Elysia, Hono or whatever calls `fetch(request)`. The LLM stays yours: several apps
 * and your own calls may use it at once.
 * @throws ConfigError "invalid_option"
 */
export function createApp(llm: LLM, options: AppOptions = {}): App {
  checkOptions(options, APP_NAMES);
  const { fetch } = serviceOf(llm, options);
  return { fetch: async (request) => fetch(request) };
}

/**
 * Listens for one model; installs no signal handler.
 * @param model a loaded one, which stays yours, or what LLM.load() takes
 * @throws ConfigError "invalid_option", "address_in_use" or "cannot_listen"; as LLM.load() does
 */
export async function serve(
  model: LLM | string,
  options: ServeOptions = {},
): Promise<RunningServer> {
  checkOptions(options, SERVE_NAMES);
  const { host = "127.0.0.1", port = 8000, load = {}, allowedHosts = [] } = options;
  const llm = typeof model === "string" ? await LLM.load(model, load) : model;
  const dispose = async () => {
    if (typeof model === "string") await llm[Symbol.asyncDispose]();
  };
  try {
    const listensOn = await listenAddress(host);
    const service = serviceOf(llm, options, { listensOn, allowedHosts });
    const { fetch, maxBodyBytes } = service;
    const server = await listen({ ...listensOn, port, maxBodyBytes, fetch });
    const stop = async ({ grace = 25 } = {}) => {
      service.drain();
      await Promise.race([server.stop(false), sleep(grace * 1000, undefined, { ref: false })]);
      await server.stop(true);
      await dispose();
    };
    return { url: server.url, port: server.port, llm, stop, [Symbol.asyncDispose]: () => stop() };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** A misspelled or empty key would leave the app open to everybody. @throws ConfigError "invalid_option" */
function checkOptions(options: AppOptions, names: Readonly<Record<string, true>>): void {
  const fault = strangeName(options, names);
  if (fault !== null) throw new ConfigError("invalid_option", fault);
  const { apiKeys = [] } = options;
  if (!Array.isArray(apiKeys) || apiKeys.some((key) => typeof key !== "string"))
    throw new ConfigError("invalid_option", "apiKeys must be a list of texts");
  checkSecrets({ name: "apiKeys" }, apiKeys, "in the options");
}

function serviceOf(
  llm: LLM,
  options: AppOptions,
  listener: Pick<ContextOptions, "listensOn" | "allowedHosts"> = {},
): Service {
  const { measured, settings, path, logger } = partsOf(llm);
  const { modelNames = settings.modelNames, apiKeys = [] } = options;
  return createService(measured, {
    ...settings,
    ...listener,
    ...{ modelNames, modelRoot: path, apiKeys, maxMemoryUse: null },
    ...{ isDevMode: false, log: logger },
  });
}
