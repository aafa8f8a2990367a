// The package "pagoda/server": serves a model over HTTP from the caller's process.

import { checkSecrets } from "../cli/option-value.ts";
import { ConfigError } from "../errors.ts";
import { graceOver } from "../runtime/grace.ts";
import { listen } from "../runtime/http-server.ts";
import { listenAddress } from "../runtime/listen-address.ts";
import type { ContextOptions } from "../server/context-options.ts";
import { createService, type Service } from "../server/service.ts";
import { LLM, partsOf } from "./llm.ts";
import { type NamesOf, strangeName } from "./option-names.ts";
import type { LoadOptions } from "./options.ts";

/** Options for createApp(). */
export interface AppOptions {
  /** Model names that requests can use; responses report the first. Default: the LLM's name. */
  readonly modelNames?: readonly string[];
  /** Accepted bearer tokens, one of which every route except probes requires. Default: no key is required. */
  readonly apiKeys?: readonly string[];
}

/** An HTTP app without a listener. */
export interface App {
  /** Handles one request. Does not use `this`, so it can be passed as a plain function. */
  readonly fetch: (request: Request) => Promise<Response>;
}

/** Options for serve(). */
export interface ServeOptions extends AppOptions {
  /** Address or host name to listen on. Default: 127.0.0.1. */
  readonly host?: string;
  /** Port to listen on; 0 = any free port. Default: 8000. */
  readonly port?: number;
  /** Host names that clients can use besides the server's address; requests with any other Host are refused. */
  readonly allowedHosts?: readonly string[];
  /** Load options, if the model is given by name. */
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

/** A listening server. */
export interface RunningServer extends AsyncDisposable {
  /** URL without a trailing slash, such as "http://127.0.0.1:8000". */
  readonly url: string;
  /** Port that the server listens on. */
  readonly port: number;
  /** The served model. */
  readonly llm: LLM;
  /**
   * Refuses new connections, gives open responses `grace` seconds to finish and cuts off the rest. Then disposes
   * of the model if it was given by name.
   * @param grace seconds. Default: 25
   */
  stop(options?: { readonly grace?: number }): Promise<void>;
}

/**
 * Creates an app with the routes of `pagoda serve` (OpenAI's under /v1, /health, /metrics and more) for a loaded
 * model. Mount it in Bun, Elysia, Hono or any other server that calls `fetch(request)`. The LLM remains yours:
 * several apps and your own calls can use it at once.
 * @throws ConfigError "invalid_option"
 */
export function createApp(llm: LLM, options: AppOptions = {}): App {
  checkOptions(options, APP_NAMES);
  const { fetch } = serviceOf(llm, options);
  return { fetch: async (request) => fetch(request) };
}

/**
 * Starts a server for one model. Installs no signal handlers.
 * @param model a loaded LLM, which remains yours, or a model name as accepted by LLM.load()
 * @throws ConfigError "invalid_option", "address_in_use" or "cannot_listen"; the errors of LLM.load()
 */
export async function serve(
  model: LLM | string,
  options: ServeOptions = {},
): Promise<RunningServer> {
  checkOptions(options, SERVE_NAMES);
  const { host = "127.0.0.1", port = 8000, load = {}, allowedHosts = [] } = options;
  checkPlace(host, port);
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
      await Promise.race([server.stop(false), graceOver(grace)]);
      await server.stop(true);
      await dispose();
    };
    return { url: server.url, port: server.port, llm, stop, [Symbol.asyncDispose]: () => stop() };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** @throws ConfigError "invalid_option" */
function checkPlace(host: string, port: number): void {
  if (typeof host !== "string")
    throw new ConfigError("invalid_option", `host must be a string, got ${host}`);
  if (!Number.isInteger(port) || port < 0 || port > 65535)
    throw new ConfigError("invalid_option", `port must be an integer in [0, 65535], got ${port}`);
}

/**
 * Refuses misspelled options and empty keys, either of which could admit anyone.
 * @throws ConfigError "invalid_option"
 */
function checkOptions(options: AppOptions, names: Readonly<Record<string, true>>): void {
  const fault = strangeName(options, names);
  if (fault !== null) throw new ConfigError("invalid_option", fault);
  const { apiKeys = [], modelNames } = options;
  if (!isListOfStrings(apiKeys))
    throw new ConfigError("invalid_option", "apiKeys must be a list of strings");
  const areNames = isListOfStrings(modelNames) && modelNames.length > 0 && !modelNames.includes("");
  if (modelNames !== undefined && !areNames)
    throw new ConfigError("invalid_option", "modelNames must be a list of one or more names");
  checkSecrets({ name: "apiKeys" }, apiKeys, "in the options");
}

function isListOfStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((one) => typeof one === "string");
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
    ...{ allowedOrigins: null, requestLog: null },
    ...{ isDevMode: false, log: logger },
  });
}
