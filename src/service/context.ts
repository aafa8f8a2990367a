// What requests are checked by and answered with, over a front.

import type { MetricFeature } from "../metrics/family.ts";
import { CLAIMED_VERSION } from "../metrics/version-gate.ts";
import { DEFAULT_LIMITS, type ServerContext } from "../server/server-context.ts";
import type { Front } from "./front.ts";

export interface ContextOptions {
  /** The first is reported in answers; all are accepted. At least one. */
  readonly modelNames: readonly string[];
  /** The GGUF file, shown as the model's root. */
  readonly modelRoot: string;
  /** Empty = no key is needed. */
  readonly apiKeys: readonly string[];
  readonly maxLogprobs: number;
  readonly isDevMode: boolean;
  readonly features: ReadonlySet<MetricFeature>;
}

/** @returns a context that is not draining */
export function serverContext({ engine, metrics }: Front, options: ContextOptions): ServerContext {
  return {
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
    isDraining: () => false,
  };
}
