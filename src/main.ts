// Start and stop: options, model, engine, app, listener; and on a signal the same in reverse.

import { basename, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { version } from "../package.json";
import { banner } from "./cli/banner.ts";
import { informationText } from "./cli/information.ts";
import { planMemory } from "./cli/memory-plan.ts";
import { resolveModel } from "./cli/model-source.ts";
import type { ServeOptions } from "./cli/options.ts";
import { parseOptions } from "./cli/parse-options.ts";
import { StatsLine } from "./cli/stats-line.ts";
import { planThreads } from "./cli/thread-plan.ts";
import { AsyncEngine } from "./engine/async-engine.ts";
import { InProcessEngine } from "./engine/in-process-engine.ts";
import { ConfigError, EngineError } from "./errors.ts";
import { noneHash } from "./kvcache/block-hash.ts";
import { BlockResidency } from "./kvcache/block-residency.ts";
import type { MetricFeature } from "./metrics/family.ts";
import { Metrics } from "./metrics/metrics.ts";
import { CLAIMED_VERSION, checkVersion } from "./metrics/version-gate.ts";
import { loadAddon } from "./runner/addon.ts";
import type { AttentionBackend, ModelInfo, NativeError } from "./runner/addon-types.ts";
import { NativeModelRunner } from "./runner/native-model-runner.ts";
import { type HttpServer, listen } from "./runtime/http-server.ts";
import {
  availableMemory,
  fileExists,
  onStopSignal,
  processStats,
  readText,
  readYaml,
} from "./runtime/system.ts";
import { Scheduler } from "./scheduler/scheduler.ts";
import type { TargetInterTokenLatency } from "./scheduler/step-budget.ts";
import { createApp } from "./server/app.ts";
import { DEFAULT_LIMITS } from "./server/server-context.ts";

const MODELS_DIR = resolve(import.meta.dir, "../models");
const STATS_INTERVAL_S = 10;

const log = (line: string) => console.error(line);

/** @throws ConfigError or a NativeError when the server cannot start */
async function serve(options: ServeOptions, startedMs: number): Promise<void> {
  const showHiddenFor = options["show-hidden-metrics-for-version"];
  if (showHiddenFor !== null) checkVersion(showHiddenFor);
  const path = await resolveModel(options.model, { modelsDir: MODELS_DIR, env: process.env, log });
  const client = await startEngine(options, path);
  const names = options["served-model-name"];
  const modelNames = names.length > 0 ? names : [basename(path).replace(/\.gguf$/, "")];
  const metrics = new Metrics({
    info: client.info,
    modelName: modelNames[0] ?? "",
    showHiddenFor,
    createdSeries: !isPythonTrue(process.env["PROMETHEUS_DISABLE_CREATED_SERIES"]),
    features: metricFeatures(options),
    processStats,
    nowS: () => Date.now() / 1000,
  });
  const statsLine = new StatsLine();
  const engine = new AsyncEngine(client, {
    listeners: options["disable-log-stats"] ? [] : [metrics, statsLine],
    maxNumQueuedReqs: options["max-num-queued-reqs"],
  });
  const state = { isDraining: false };
  const app = createApp({
    engine,
    servedModelNames: modelNames,
    modelRoot: path,
    apiKeys: options["api-key"],
    version: CLAIMED_VERSION,
    maxLogprobs: options["max-logprobs"],
    limits: DEFAULT_LIMITS,
    metricsText: (format) => metrics.text(format),
    recordHttp: (record) => metrics.recordHttp(record),
    isDevMode: options["server-dev-mode"],
    isSleepEnabled: options["enable-sleep-mode"],
    createdS: Date.now() / 1000,
    keepAliveMs: 10_000,
    isDraining: () => state.isDraining,
  });
  const server = listen({
    host: options.host,
    port: options.port,
    maxBodyBytes: DEFAULT_LIMITS.maxBodyBytes,
    fetch: app.fetch,
  });
  const stats = setInterval(() => logStats(statsLine), STATS_INTERVAL_S * 1000);
  stopOnSignal({ server, engine, client, state, stats, graceS: options["shutdown-timeout"] });
  client.died.then((error) => {
    log(`the engine has stopped: ${error.stack ?? error.message}`);
    process.exit(1);
  });
  const isOpen = !["127.0.0.1", "localhost", "::1"].includes(options.host);
  log(
    banner({
      version,
      info: client.info,
      modelName: modelNames[0] ?? "",
      url: server.url,
      readySeconds: (performance.now() - startedMs) / 1000,
      isOpenWithoutKey: isOpen && options["api-key"].length === 0,
    }),
  );
}

/** As Python's metrics client reads its switch. */
function isPythonTrue(text = ""): boolean {
  return ["true", "1", "t"].includes(text.toLowerCase());
}

async function startEngine(options: ServeOptions, path: string): Promise<InProcessEngine> {
  const dtype = options["kv-cache-dtype"];
  const kvCacheType = dtype === "auto" ? "f16" : dtype;
  const addon = await loadAddon();
  const header = await addon.readModelHeader(path, kvCacheType);
  const blockSize = options["block-size"];
  const maxNumBatchedTokens = options["max-num-batched-tokens"];
  const maxNumSeqs = Math.min(options["max-num-seqs"], maxNumBatchedTokens);
  const plan = planMemory({
    ...header,
    availableBytes: availableMemory(),
    blockSize,
    maxNumSeqs,
    maxModelLen: options["max-model-len"],
    kvCacheMemoryBytes: options["kv-cache-memory-bytes"],
    numBlocksOverride: options["num-gpu-blocks-override"],
  });
  const { numBlocks, maxModelLen } = plan;
  const limits = { numBlocks, blockSize, maxNumSeqs, maxNumBatchedTokens, maxModelLen };
  const runner = await NativeModelRunner.load(
    { path, ...limits, kvCacheType, ...kernelOptions(options, addon.hasGpu) },
    loadProgress(),
  );
  warnOfUnpacked(runner.info);
  const enablePrefixCaching = options["enable-prefix-caching"] && !runner.info.isRecurrent;
  const hashSeed = process.env["PYTHONHASHSEED"];
  const scheduler = new Scheduler({
    ...limits,
    enablePrefixCaching,
    rootHash:
      hashSeed === undefined ? crypto.getRandomValues(new Uint8Array(32)) : noneHash(hashSeed),
    residency: blockResidency(options),
    longPrefillTokenThreshold: options["long-prefill-token-threshold"],
    targetInterTokenLatencyMs: targetLatency(options["target-inter-token-latency-ms"]),
    policy: options["scheduling-policy"],
    eosTokenIds: runner.info.eosTokenIds,
  });
  const info = {
    model: runner.info,
    memory: runner.memory(),
    ...limits,
    enablePrefixCaching,
    kvCacheType,
    kvCacheMemoryBytes: options["kv-cache-memory-bytes"],
    numBlocksOverride: options["num-gpu-blocks-override"],
  };
  const seed = BigInt(options.seed);
  const onStepFault = (error: EngineError) => log(`error: ${error.message}`);
  return new InProcessEngine({ info, scheduler, runner, seed, onStepFault });
}

/** Of the pass: what computes it, where, on which threads. */
function kernelOptions(options: ServeOptions, hasGpu: boolean) {
  const backend = options["attention-backend"];
  const autoBackend: AttentionBackend = hasGpu && options["gpu-layers"] !== 0 ? "ggml" : "paged";
  return {
    ...planThreads(options),
    poll: options.poll,
    attentionBackend: backend === "auto" ? autoBackend : backend,
    weightKernels: options["weight-kernels"],
    numGpuLayers: options["gpu-layers"],
    chatTemplate: templateText(options["chat-template"]),
  };
}

function warnOfUnpacked({ unpackedTypes }: ModelInfo): void {
  if (unpackedTypes.length === 0) return;
  log(`warning: no fast kernel for weights of type ${unpackedTypes.join(", ")}; ggml's serve`);
}

function targetLatency(option: number | null): TargetInterTokenLatency {
  if (option === null) return "auto";
  return option === 0 ? null : option;
}

/** Null = off. Without log stats nobody would read what is sampled. */
function blockResidency(options: ServeOptions): BlockResidency | null {
  if (!options["kv-cache-metrics"] || options["disable-log-stats"]) return null;
  return new BlockResidency({
    sampleRate: options["kv-cache-metrics-sample"],
    nowS: () => performance.now() / 1000,
    random: Math.random,
  });
}

function metricFeatures(options: ServeOptions): Set<MetricFeature> {
  const features: [MetricFeature, boolean][] = [
    ["log-stats", !options["disable-log-stats"]],
    ["kv-cache-metrics", options["kv-cache-metrics"]],
    ["sleep-mode", options["enable-sleep-mode"]],
  ];
  return new Set(features.filter(([, isOn]) => isOn).map(([feature]) => feature));
}

/** The option holds the text itself, or the path of a file with it. */
function templateText(option: string): string {
  return option !== "" && fileExists(option) ? readText(option) : option;
}

/** Large models take long to read: a line every quarter after the first second. */
function loadProgress(): (share: number) => void {
  const startMs = performance.now();
  let shown = 0;
  return (share) => {
    const quarter = Math.floor(share * 4);
    if (quarter <= shown || performance.now() - startMs < 1000) return;
    shown = quarter;
    log(`loading model: ${quarter * 25}%`);
  };
}

function logStats(statsLine: StatsLine): void {
  const line = statsLine.take(STATS_INTERVAL_S);
  if (line !== null) log(line);
}

interface Running {
  readonly server: HttpServer;
  readonly engine: AsyncEngine;
  readonly client: InProcessEngine;
  readonly state: { isDraining: boolean };
  readonly stats: Timer;
  readonly graceS: number;
}

/**
 * First signal: finish what is in progress within the grace time, exit 0. Second: exit at once. Until the
 * end the server listens: /health answers 503, so that balancers turn away, and so does new work.
 */
function stopOnSignal(running: Running): void {
  onStopSignal((signal) => {
    if (running.state.isDraining) process.exit(1);
    running.state.isDraining = true;
    const live = running.engine.numLiveSequences;
    log(`${signal}: finishing ${live} requests, at most ${running.graceS} s; again to stop now`);
    void stop(running);
  });
}

async function stop({ server, engine, client, stats, graceS }: Running): Promise<void> {
  clearInterval(stats);
  const deadline = performance.now() + graceS * 1000;
  // Nobody can wake a sleeping engine any more: what waits there is told so at once.
  const canFinish = async () => performance.now() < deadline && !(await client.isSleeping());
  while (engine.numLiveSequences > 0 && (await canFinish())) await sleep(20);
  engine.failAll(new EngineError("engine_shutdown", "The server is shutting down."));
  await Promise.race([server.stop(false), sleep(1000)]);
  await client.shutdown();
  await server.stop(true);
  process.exit(0);
}

/** Exit codes: 0 stopped, 1 failed, 2 wrong options. */
async function main(argv: readonly string[]): Promise<void> {
  const startedMs = performance.now();
  const [command, ...rest] = argv;
  const words = command === "serve" ? rest : argv;
  const sources = { argv: words, env: process.env, readYaml };
  try {
    const information = informationText(sources, version);
    if (information !== null) {
      console.log(information);
      return;
    }
    await serve(
      parseOptions(sources, (line) => log(`warning: ${line}`)),
      startedMs,
    );
  } catch (error) {
    log(`error: ${startErrorText(error)}`);
    process.exit(error instanceof ConfigError && isWrongOption(error) ? 2 : 1);
  }
}

function isWrongOption({ code }: ConfigError): boolean {
  return code.endsWith("_option") || code === "invalid_version";
}

/** One line for what an operator can mend, the stack for the rest. */
function startErrorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const isExpected =
    error instanceof ConfigError ||
    error instanceof EngineError ||
    typeof (error as Partial<NativeError>).code === "string";
  return isExpected ? error.message : (error.stack ?? error.message);
}

await main(process.argv.slice(2));
