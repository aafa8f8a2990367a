// Creates a front with metrics for its engine, in any process.

import type { MetricFeature } from "../metrics/family.ts";
import { Metrics } from "../metrics/metrics.ts";
import type { EngineClient } from "../protocol/protocol.ts";
import type { StatListener } from "../protocol/stats.ts";
import { processStats } from "../runtime/system.ts";
import { Front, type FrontLimits } from "./front.ts";

/** Options for createFront(). For limits, null = no limit. */
export interface MeasuredFrontOptions extends Omit<FrontLimits, "maxNumQueuedTokens"> {
  /** Model names, at least one. Responses report the first name; requests may use any of them. */
  readonly modelNames: readonly string[];
  /** Maximum number of prompt tokens in requests that have no output yet; "auto" = 8 contexts. */
  readonly maxNumQueuedTokens: number | "auto" | null;
  /** Version whose hidden metrics are shown; null = show none. @see version-gate.ts */
  readonly showHiddenFor: string | null;
  readonly createdSeries: boolean;
  readonly features: ReadonlySet<MetricFeature>;
  /** Listeners in addition to the metrics. */
  readonly listeners: readonly StatListener[];
}

export interface MeasuredFront {
  readonly front: Front;
  readonly metrics: Metrics;
}

export function createFront(client: EngineClient, options: MeasuredFrontOptions): MeasuredFront {
  const metrics = new Metrics({
    info: client.info,
    modelName: options.modelNames[0] ?? "",
    showHiddenFor: options.showHiddenFor,
    createdSeries: options.createdSeries,
    features: new Set(options.features),
    isEngineUp: () => client.unavailable === null,
    processStats,
    nowS: () => Date.now() / 1000,
  });
  const hasStats = options.features.has("log-stats");
  const front = new Front(client, {
    listeners: hasStats ? [metrics, ...options.listeners] : [],
    limits: frontLimits(client, options),
  });
  return { front, metrics };
}

const QUEUED_CONTEXTS = 8;

function frontLimits({ info }: EngineClient, options: MeasuredFrontOptions): FrontLimits {
  const { maxNumQueuedReqs, maxNumQueuedTokens: option } = options;
  const { queueTimeoutMs, requestTimeoutMs, maxUnreadBytes } = options;
  const maxNumQueuedTokens = option === "auto" ? QUEUED_CONTEXTS * info.maxModelLen : option;
  return {
    ...{ maxNumQueuedReqs, maxNumQueuedTokens },
    ...{ queueTimeoutMs, requestTimeoutMs, maxUnreadBytes },
  };
}
