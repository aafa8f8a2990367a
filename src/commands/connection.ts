// Connects a client command to the server at --url, to a server on this machine, or to an engine in
// the command's own process.

import { contentFormat } from "../cli/chat-format.ts";
import type { CommandOptions, ServeOptions } from "../cli/commands.ts";
import { withDraftModel } from "../cli/draft-model.ts";
import { engineConfig } from "../cli/engine-config.ts";
import { serveLimits } from "../cli/limits.ts";
import type { OptionGroup } from "../cli/option-spec.ts";
import { optionSpec } from "../cli/options.ts";
import { isGiven, parseOptions, typedOptions } from "../cli/parse-options.ts";
import { type DecidedSampling, samplingDefaults } from "../cli/sampling-defaults.ts";
import { ApiClient, baseUrl } from "../client/api-client.ts";
import { startEngine } from "../engine/start-engine.ts";
import { ConfigError } from "../errors.ts";
import { createFront } from "../front/measured-front.ts";
import { modelNameOf } from "../models/model-name.ts";
import { resolveModel } from "../models/model-source.ts";
import type { EngineClient } from "../protocol/protocol.ts";
import { availableMemory } from "../runtime/system.ts";
import { createService } from "../server/service.ts";
import type { CommandContext } from "./command.ts";
import { modelSource } from "./model-downloads.ts";
import { servedAdapters } from "./served-adapters.ts";

export interface Connection {
  readonly client: ApiClient;
  /** Model name to send in requests. */
  readonly modelName: string;
  /** Shuts down the engine if it runs in this process. */
  close(): Promise<void>;
}

type ClientCommand = "chat" | "complete";
type Options = Omit<CommandOptions<ClientCommand>, "system-prompt" | "quick" | "prompt">;

export const DEFAULT_URL = "http://127.0.0.1:8000";
const PROBE_TIMEOUT_MS = 500;
const SILENCE_MS = 2_000;

/**
 * Loads the model in this process if the user named a model but no server, or if no server is
 * running.
 * @throws ConfigError "server_unreachable", and the same errors as startEngine()
 */
export async function connect(
  command: ClientCommand,
  options: Options,
  context: CommandContext,
): Promise<Connection> {
  const named = options.url === "" ? null : baseUrl(options.url);
  const apiKey = options["api-key"][0] ?? null;
  const client = new ApiClient({ url: named ?? DEFAULT_URL, apiKey, fetch });
  const wantsOwn = isGiven(command, "model", context.sources);
  const isServed = named !== null || (!wantsOwn && (await isServer(client)));
  const given = new Set(typedOptions(command, context.sources));
  if (!isServed) {
    const used = options["enable-lora"] ? "model-name" : "";
    const isUnused = (name: string) => CLIENT_OPTIONS.includes(name) && name !== used;
    for (const name of [...given].filter(isUnused))
      context.warn(`--${name} has no effect: cannot reach a server at ${client.url}`);
    return ownEngine(options, context);
  }
  const first = await firstModel(client, context.log);
  const modelName = options["model-name"] || (given.has("model") ? options.model : first);
  context.log(`${modelName} at ${client.url}`);
  warnOfUnused(given, client.url, context.warn);
  return { client, modelName, close: async () => {} };
}

const CLIENT_OPTIONS: readonly string[] = ["model-name", "served-model-name", "api-key"];

/** @returns whether an OpenAI-compatible server, and not some other program, listens at the default address */
async function isServer(client: ApiClient): Promise<boolean> {
  if (!(await client.isHealthy(PROBE_TIMEOUT_MS))) return false;
  const isOther = (error: unknown) =>
    error instanceof ConfigError && error.code === "server_unreachable";
  const signal = AbortSignal.timeout(PROBE_TIMEOUT_MS);
  return client.modelNames(signal).then(
    () => true,
    (error: unknown) => !isOther(error),
  );
}

/**
 * Gets the name of the server's first model. Logs a line if the server is slow to respond or
 * asleep.
 * @throws the same errors as ApiClient.firstModel()
 */
export async function firstModel(client: ApiClient, log: (line: string) => void): Promise<string> {
  const report = () => log(`waiting for ${client.url} to respond`);
  const timer = setTimeout(report, SILENCE_MS);
  const first = await client.firstModel().finally(() => clearTimeout(timer));
  if (await client.isSleeping(AbortSignal.timeout(PROBE_TIMEOUT_MS)))
    log(`${client.url} is asleep; requests wait until it is woken up (/wake_up)`);
  return first;
}

/**
 * Groups of options that a running server cannot change, except for the seed and the model name,
 * which are sent in each request.
 */
const ENGINE_GROUPS: readonly OptionGroup[] = [
  "Model",
  "Memory",
  "Scheduling",
  "Hardware",
  "Download",
];
const REQUEST_OPTIONS: readonly string[] = ["model", "seed"];

function warnOfUnused(given: ReadonlySet<string>, url: string, warn: (line: string) => void) {
  const isUnused = (name: string) => {
    const group = optionSpec(name)?.group;
    return group !== undefined && ENGINE_GROUPS.includes(group) && !REQUEST_OPTIONS.includes(name);
  };
  for (const name of [...given].filter(isUnused))
    warn(`--${name} has no effect: the server at ${url} has already loaded its model`);
}

async function ownEngine(options: Options, context: CommandContext): Promise<Connection> {
  const { sources, log, warn } = context;
  const serving = { ...serveDefaults(context), ...options };
  const source = modelSource(options, sources.env, log);
  const path = await resolveModel(serving.model, source);
  const sampling = samplingDefaults(serving, path);
  const config = await withDraftModel(engineConfig(serving, path), source);
  log(`loading ${modelNameOf(path)} in this process`);
  const engine = await startEngine(config, {
    availableBytes: availableMemory(),
    onLoadProgress: () => {},
    log,
  });
  try {
    const client = await clientOf(engine, { path, serving, sampling, warn });
    const adapterName = serving["enable-lora"] ? options["model-name"] : "";
    const modelName = adapterName || modelNameOf(path);
    return { client, modelName, close: () => engine.shutdown() };
  } catch (error) {
    await engine.shutdown();
    throw error;
  }
}

/** @returns the defaults of `serve`'s options */
export function serveDefaults({ sources, warn }: CommandContext): ServeOptions {
  return parseOptions("serve", { ...sources, argv: [], env: {} }, warn);
}

export interface ServiceInit {
  readonly path: string;
  readonly serving: ServeOptions;
  readonly sampling: DecidedSampling;
  readonly warn: (line: string) => void;
}

/** @returns a client that directly calls a service for the engine, without a socket */
export async function clientOf(engine: EngineClient, init: ServiceInit): Promise<ApiClient> {
  const { path, serving, sampling, warn } = init;
  const settings = {
    ...serveLimits(serving, warn),
    ...{ modelNames: [modelNameOf(path)], modelRoot: path, apiKeys: [] },
    samplingDefaults: sampling.defaults,
    contentFormat: contentFormat(serving),
    templateVariables: serving["default-chat-template-kwargs"],
    ...{ isDevMode: false, showHiddenFor: null, requestLog: null },
    ...{ createdSeries: false, listeners: [], features: new Set([]) },
    ...{ log: warn, warn },
  };
  const measured = createFront(engine, settings);
  const adapters = await servedAdapters(measured.front, serving, settings.modelNames, () => {});
  const { fetch } = createService(measured, { ...settings, adapters });
  return new ApiClient({ url: "http://localhost", apiKey: null, fetch });
}
