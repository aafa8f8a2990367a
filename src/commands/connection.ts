// Whom a client command talks to: the server that is named, one that runs here, or an engine that it starts
// in its own process.

import type { CommandOptions, ServeOptions } from "../cli/commands.ts";
import { engineConfig } from "../cli/engine-config.ts";
import { serveLimits } from "../cli/limits.ts";
import { isGiven, parseOptions } from "../cli/parse-options.ts";
import { type DecidedSampling, samplingDefaults } from "../cli/sampling-defaults.ts";
import { ApiClient, baseUrl } from "../client/api-client.ts";
import type { EngineClient } from "../engine/protocol.ts";
import { startEngine } from "../engine/start-engine.ts";
import { ConfigError } from "../errors.ts";
import { modelNameOf } from "../models/model-name.ts";
import { resolveModel } from "../models/model-source.ts";
import { availableMemory } from "../runtime/system.ts";
import { createFront } from "../service/front.ts";
import { createService } from "../service/service.ts";
import type { CommandContext } from "./command.ts";
import { modelSource } from "./model-downloads.ts";

export interface Connection {
  readonly client: ApiClient;
  /** As requests name it. */
  readonly modelName: string;
  /** Ends an engine of this process. */
  close(): Promise<void>;
}

type ClientCommand = "chat" | "complete";
type Options = Omit<CommandOptions<ClientCommand>, "system-prompt" | "quick" | "prompt">;

export const DEFAULT_URL = "http://127.0.0.1:8000";
const PROBE_TIMEOUT_MS = 500;

/**
 * A model that is named is loaded here, unless a server is named too.
 * @throws ConfigError "server_unreachable", and as an engine's start does
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
  const isServed = named !== null || (!wantsOwn && (await client.isHealthy(PROBE_TIMEOUT_MS)));
  if (!isServed) return ownEngine(options, context);
  const [first] = await client.modelNames();
  const modelName = options["model-name"] || first;
  if (modelName === undefined) {
    throw new ConfigError("request_refused", `${client.url} serves no model`);
  }
  context.log(`${modelName} at ${client.url}`);
  return { client, modelName, close: async () => {} };
}

async function ownEngine(options: Options, context: CommandContext): Promise<Connection> {
  const { sources, log, warn } = context;
  const serving = { ...serveDefaults(context), ...options };
  const path = await resolveModel(serving.model, modelSource(options, sources.env, log));
  const sampling = samplingDefaults(serving, path);
  log(`loading ${modelNameOf(path)}; no server is needed`);
  const engine = await startEngine(engineConfig(serving, path), {
    availableBytes: availableMemory(),
    onLoadProgress: () => {},
    log,
  });
  const client = clientOf(engine, { path, serving, sampling, warn });
  return { client, modelName: modelNameOf(path), close: () => engine.shutdown() };
}

/** What a server would be started with here, without options. */
export function serveDefaults({ sources, warn }: CommandContext): ServeOptions {
  return parseOptions("serve", { ...sources, argv: [], env: {} }, warn);
}

export interface ServiceInit {
  readonly path: string;
  readonly serving: ServeOptions;
  readonly sampling: DecidedSampling;
  readonly warn: (line: string) => void;
}

/** A service over an engine, without a socket between. */
export function clientOf(engine: EngineClient, init: ServiceInit): ApiClient {
  const { path, serving, sampling, warn } = init;
  const settings = {
    ...serveLimits(serving, warn),
    ...{ modelNames: [modelNameOf(path)], modelRoot: path, apiKeys: [] },
    ...{ maxLogprobs: serving["max-logprobs"], samplingDefaults: sampling.defaults },
    ...{ isDevMode: false, showHiddenFor: null },
    ...{ createdSeries: false, listeners: [], features: new Set([]) },
    log: warn,
  };
  const { fetch } = createService(createFront(engine, settings), settings);
  return new ApiClient({ url: "http://localhost", apiKey: null, fetch });
}
