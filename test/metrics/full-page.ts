// A /metrics page with every family and every option, after updates from every source, with label values
// that test escaping.

import type { Metrics, MetricsOptions } from "../../src/metrics/metrics.ts";
import { FINISHED, IDLE, INFO, makeMetrics, NOTHING } from "./fixtures.ts";

/** Contains both kinds of quotes, backslashes before and after characters that need one, a newline, and braces. */
export const AWKWARD = 'a"b\\n\\\n{c="d",} é 模型 🏯\'\\';

const EVERYTHING: Partial<MetricsOptions> = {
  info: { ...INFO, numSpeculativeTokens: 3, maxLoras: 4 },
  modelName: AWKWARD,
  features: new Set(["always", "log-stats", "kv-cache-metrics", "sleep-mode"]),
  showHiddenFor: "0.12",
  createdSeries: true,
  processStats: () => ({
    virtualMemoryBytes: 123_456_789_012,
    residentMemoryBytes: 2 ** 31,
    startTimeS: 1_700_000_000.25,
    cpuSeconds: 0.1 + 0.2,
    openFds: 7,
    maxFds: 2 ** 53,
  }),
};

/** Metrics of a server that has just started. */
export function idlePage(): Metrics {
  return makeMetrics(EVERYTHING);
}

/** Metrics in which every series has changed at least once; some values are extreme. */
export function movedPage(): Metrics {
  const metrics = makeMetrics(EVERYTHING);
  metrics.record(
    {
      ...IDLE,
      numRunningReqs: 3,
      numWaitingReqs: 1e21,
      numDeferredReqs: -0,
      kvCacheUsage: 5e-324,
      prefixCache: { requests: 1, queries: 40, hits: 32 },
      blockEvictions: [{ lifetimeS: 1 / 3, idleS: 1e-7, reuseGapsS: [0.5, 1e7] }],
      specDecode: {
        numDrafts: 2,
        numDraftTokens: 6,
        numAcceptedTokens: 4,
        acceptedPerPos: [2, 1, 1],
      },
      adapters: { running: ["sql", AWKWARD], waiting: [] },
    },
    {
      ...NOTHING,
      timeToFirstTokensS: [0.02, 1e-5],
      interTokenLatenciesS: [0.1, 0.2, 1e300],
      numPromptTokens: 123_456_789,
      numCachedPromptTokens: 32,
      numGenerationTokens: 1_234_567,
      numPreemptions: 2,
      iterationTokens: [124_691_356],
      finished: [
        { ...FINISHED, isCorrupted: true },
        { ...FINISHED, finishReason: "stop", timePerOutputTokenS: 8.34e-5 },
      ],
      finishedParents: [{ n: 2, maxNumGenerationTokens: 5 }],
    },
  );
  metrics.recordSleep({ operation: "sleep", numInFlight: 1, durationS: null, state: null });
  metrics.recordSleep({
    operation: "sleep",
    numInFlight: 0,
    durationS: 1.5,
    state: "weights_offloaded",
  });
  for (const [handler, status] of [
    ["/v1/completions", 200],
    [AWKWARD, 404],
    ["none", 500],
  ] as const) {
    const bytes = { requestBytes: 1e6, responseBytes: 0 };
    metrics.recordHttp({ handler, method: "POST", status, durationS: 1e-9, ...bytes });
  }
  return metrics;
}
