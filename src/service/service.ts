// What stands before an engine: the front, its statistics, the HTTP app. Whoever has an EngineClient, in
// this process or in a child, gets the same service. It does not listen.

import { AsyncEngine } from "../engine/async-engine.ts";
import type { EngineClient } from "../engine/protocol.ts";
import type { StatListener } from "../engine/stats.ts";
import type { MetricFeature } from "../metrics/family.ts";
import { Metrics } from "../metrics/metrics.ts";
import { CLAIMED_VERSION } from "../metrics/version-gate.ts";
import { processStats } from "../runtime/system.ts";
import { createApp } from "../server/app.ts";
import { DEFAULT_LIMITS } from "../server/server-context.ts";

export interface ServiceOptions {
  /** The first is reported in answers; all are accepted. At least one. */
  readonly modelNames: readonly string[];
  /** The GGUF file, shown as the model's root. */
  readonly modelRoot: string;
  /** Empty = no key is needed. */
  readonly apiKeys: readonly string[];
  readonly maxLogprobs: number;
  readonly maxNumQueuedReqs: number;
  readonly isDevMode: boolean;
  /** Null = none are shown. @see version-gate.ts */
  readonly showHiddenFor: string | null;
  readonly createdSeries: boolean;
  readonly features: ReadonlySet<MetricFeature>;
  /** Told of every step, beside the metrics. */
  readonly listeners: readonly StatListener[];
}

export interface Service {
  readonly engine: AsyncEngine;
  readonly fetch: (request: Request) => Response | Promise<Response>;
  readonly maxBodyBytes: number;
  /** /health answers 503 from now on and new work is refused; what is in progress goes on. */
  drain(): void;
}

export function createService(client: EngineClient, options: ServiceOptions): Service {
  const metrics = createMetrics(client, options);
  const hasStats = options.features.has("log-stats");
  const engine = new AsyncEngine(client, {
    listeners: hasStats ? [metrics, ...options.listeners] : [],
    maxNumQueuedReqs: options.maxNumQueuedReqs,
  });
  let isDraining = false;
  const app = createApp({
    engine,
    servedModelNames: options.modelNames,
    modelRoot: options.modelRoot,
    apiKeys: options.apiKeys,
    version: CLAIMED_VERSION,
    maxLogprobs: options.maxLogprobs,
    limits: DEFAULT_LIMITS,
    metricsText: (format) => metrics.text(format),
    recordHttp: (record) => metrics.recordHttp(record),
    isDevMode: options.isDevMode,
    isSleepEnabled: options.features.has("sleep-mode"),
    createdS: Date.now() / 1000,
    keepAliveMs: 10_000,
    isDraining: () => isDraining,
  });
  const drain = () => {
    isDraining = true;
  };
  return { engine, fetch: app.fetch, maxBodyBytes: DEFAULT_LIMITS.maxBodyBytes, drain };
}

function createMetrics(client: EngineClient, options: ServiceOptions): Metrics {
  return new Metrics({
    info: client.info,
    modelName: options.modelNames[0] ?? "",
    showHiddenFor: options.showHiddenFor,
    createdSeries: options.createdSeries,
    features: new Set(options.features),
    processStats,
    nowS: () => Date.now() / 1000,
  });
}
