// `serve`: loads the model, starts the engine, the app and the listener, and stops them in reverse order on a signal.

import { setTimeout as sleep } from "node:timers/promises";
import { version } from "../../package.json";
import { accessLog } from "../cli/access-line.ts";
import { banner } from "../cli/banner.ts";
import type { ServeOptions } from "../cli/commands.ts";
import { withDraftModel } from "../cli/draft-model.ts";
import { engineConfig } from "../cli/engine-config.ts";
import { EXIT_CODES, type ExitCode } from "../cli/exit-codes.ts";
import { serveLimits, timeoutMs, unlessZero } from "../cli/limits.ts";
import { logLine } from "../cli/log-line.ts";
import { parseOptions } from "../cli/parse-options.ts";
import { samplingDefaults } from "../cli/sampling-defaults.ts";
import { StatsLine } from "../cli/stats-line.ts";
import type { EngineConfig } from "../engine/engine-config.ts";
import { startEngine } from "../engine/start-engine.ts";
import { EngineError, shuttingDown, stackOf } from "../errors.ts";
import { createFront } from "../front/measured-front.ts";
import { checkVersion } from "../metrics/version-gate.ts";
import { resolveModel } from "../models/model-source.ts";
import { SupervisedEngine } from "../process/supervised-engine.ts";
import type { EngineClient } from "../protocol/protocol.ts";
import { ownCommand, startChild } from "../runtime/child-process.ts";
import { graceOver } from "../runtime/grace.ts";
import { listen } from "../runtime/http-server.ts";
import type { HttpServer } from "../runtime/http-types.ts";
import { endOnStopSignal, onStopSignal } from "../runtime/stop-signals.ts";
import { availableMemory } from "../runtime/system.ts";
import { stderrTerminal } from "../runtime/terminal.ts";
import { createService, prepareService, type Service } from "../server/service.ts";
import type { CommandContext } from "./command.ts";
import { listenPlace } from "./listen-place.ts";
import { modelSource } from "./model-downloads.ts";
import { servedAdapters } from "./served-adapters.ts";
import { serviceOptions } from "./service-options.ts";

const STATS_INTERVAL_S = 10;
/** Maximum delay for a timer. A timer with a longer delay would fire immediately. */

type Log = CommandContext["log"];

/** @returns a log function that adds the level and time, unlike the output of the banner and of fatal startup errors */
function serverLog({ print, sources }: CommandContext): Log {
  const { hasColor } = stderrTerminal(sources.env);
  return (text) => print(logLine(text, { at: new Date(), hasColor }));
}

/** @throws ConfigError or a NativeError when the server cannot start */
export async function run(context: CommandContext): Promise<ExitCode> {
  const { sources, startedMs, print } = context;
  const log = serverLog(context);
  const warn = (text: string) => log(`warning: ${text}`);
  const options = parseOptions("serve", sources, warn);
  const showHiddenFor = options["show-hidden-metrics-for-version"];
  if (showHiddenFor !== null) checkVersion(showHiddenFor);
  const limits = serveLimits(options, warn);
  const onAnswer = accessLog(options, print) ?? (() => {});
  const place = await listenPlace(options);
  const hasLoaded = endOnStopSignal();
  const source = modelSource(options, sources.env, log);
  const path = await resolveModel(options.model, source);
  const sampling = samplingDefaults(options, path);
  const statsLine = new StatsLine();
  const settings = serviceOptions({ options, path, sampling, statsLine, limits, place, log });
  const starting = startClient(
    options,
    await withDraftModel(engineConfig(options, path), source),
    log,
  );
  prepareService();
  const client = await starting;
  const measured = createFront(client, settings);
  const loading = servedAdapters(measured.front, options, settings.modelNames, log);
  const adapters = await loading.catch(async (error) => {
    await client.shutdown();
    throw error;
  });
  const service = createService(measured, { ...settings, adapters });
  const { fetch, maxBodyBytes } = service;
  const server = await listen({ ...place, maxBodyBytes, fetch, onAnswer });
  const stats = setInterval(() => logStats(statsLine, log), STATS_INTERVAL_S * 1000);
  const graceS = options["shutdown-timeout"];
  hasLoaded();
  const stopped = stopOnSignal({ server, service, client, stats, graceS, log });
  const died = client.died.then((error) => {
    // A stack is only useful for a bug in Pagoda.
    const reason = error instanceof EngineError ? error.message : stackOf(error);
    log(`error: the engine has stopped: ${reason}`);
    return EXIT_CODES.failed;
  });
  print(
    banner({
      version,
      info: client.info,
      modelName: settings.modelNames[0] ?? "",
      sampling,
      url: server.url,
      socketPath: place.socketPath,
      readySeconds: (performance.now() - startedMs) / 1000,
      // Client certificates replace a key.
      isOpenWithoutKey: service.isOpen && place.tls?.rejectUnauthorized !== true,
    }),
  );
  return Promise.race([stopped, died]);
}

/**
 * @throws ConfigError or a NativeError when the engine cannot start, in this process or in a child
 */
function startClient(options: ServeOptions, config: EngineConfig, log: Log): Promise<EngineClient> {
  const host = { onLoadProgress: loadProgress(log), log };
  if (options["in-process"]) {
    return startEngine(config, { ...host, availableBytes: availableMemory() });
  }
  return SupervisedEngine.start({
    config,
    host,
    startProcess: () => startChild(ownCommand("engine")),
    maxDeaths: unlessZero(options["max-engine-deaths"]),
    stepTimeoutMs: timeoutMs(options["engine-step-timeout"]),
  });
}

/** Logs a long load's progress: one line per quarter, after the first second. */
function loadProgress(log: Log): (share: number) => void {
  let startMs = performance.now();
  let shown = 0;
  let last = 0;
  return (share) => {
    // A smaller share means that a restarted engine is loading again.
    if (share < last) {
      startMs = performance.now();
      shown = 0;
    }
    last = share;
    const quarter = Math.floor(share * 4);
    if (quarter <= shown || performance.now() - startMs < 1000) return;
    shown = quarter;
    log(`loading model: ${quarter * 25}%`);
  };
}

function logStats(statsLine: StatsLine, log: Log): void {
  const seconds = STATS_INTERVAL_S;
  for (const line of [statsLine.take(seconds), statsLine.takeSpecDecode(seconds)]) {
    if (line !== null) log(line);
  }
}

interface Running {
  readonly server: HttpServer;
  readonly service: Service;
  readonly client: EngineClient;
  readonly stats: Timer;
  readonly graceS: number;
  readonly log: Log;
}

/**
 * On the first signal, finishes the requests in progress within the grace period and exits with code 0. On the second
 * signal, exits immediately. Until it exits, the server keeps listening and answers /health and new requests with 503,
 * so load balancers stop sending traffic.
 */
function stopOnSignal(running: Running): Promise<ExitCode> {
  const { service, graceS, log } = running;
  const { promise, resolve: end } = Promise.withResolvers<ExitCode>();
  onStopSignal((press, signal) => {
    if (press === "now") return end(EXIT_CODES.failed);
    service.drain();
    const live = service.front.numLiveSequences;
    log(`${signal}: finishing ${live} requests within ${graceS} s; repeat to stop immediately`);
    stop(running).then(() => end(EXIT_CODES.ok));
  });
  return promise;
}

async function stop({ server, service, client, stats, graceS }: Running): Promise<void> {
  const { front } = service;
  clearInterval(stats);
  const deadline = performance.now() + graceS * 1000;
  // Bounds the wait, since a hung engine does not respond.
  const late = graceOver(graceS);
  // A sleeping engine can no longer be woken up, so its waiting requests fail immediately.
  const isAsleep = () => Promise.race([client.calls.isSleeping().catch(() => false), late]);
  const canFinish = async () => performance.now() < deadline && !(await isAsleep());
  while (front.numLiveSequences > 0 && (await canFinish())) await sleep(20);
  front.failAll(shuttingDown());
  await Promise.race([server.stop(false), sleep(1000)]);
  await client.shutdown();
  await server.stop(true);
}
