// Shared test data for the metrics: a small engine's properties, an idle step, an empty message.

import { Metrics, type MetricsOptions } from "../../src/metrics/metrics.ts";
import { PLAIN_TEXT } from "../../src/protocol/message-parsing.ts";
import type { EngineInfo } from "../../src/protocol/protocol.ts";
import type { FinishedRequestStats, IterationStats } from "../../src/protocol/stats.ts";
import { FakeModelRunner } from "../support/fake-model-runner.ts";

const runner = new FakeModelRunner({ numBlocks: 65, blockSize: 16 });

export const INFO: EngineInfo = {
  model: runner.info,
  memory: runner.memory(),
  chatFormat: PLAIN_TEXT,
  formatTokens: [],
  maxModelLen: 1024,
  maxNumSeqs: 16,
  maxNumBatchedTokens: 512,
  blockSize: 16,
  numBlocks: 65,
  enablePrefixCaching: true,
  kvCacheType: "f16",
  kvCacheMemoryBytes: null,
  numBlocksOverride: 65,
  numSpeculativeTokens: 0,
  maxLoras: 0,
};

export { NO_STATS as IDLE } from "../../src/protocol/stats.ts";

export const NOTHING: IterationStats = {
  timeToFirstTokensS: [],
  interTokenLatenciesS: [],
  numPromptTokens: 0,
  numCachedPromptTokens: 0,
  numGenerationTokens: 0,
  numPreemptions: 0,
  iterationTokens: [],
  finished: [],
  finishedParents: [],
};

export const FINISHED: FinishedRequestStats = {
  finishReason: "length",
  numPromptTokens: 7,
  numGenerationTokens: 5,
  numCachedTokens: 0,
  maxTokensParam: 16,
  e2eLatencyS: 0.125,
  queuedTimeS: 0.25,
  prefillTimeS: 0.5,
  decodeTimeS: 2,
  inferenceTimeS: 2.5,
  timePerOutputTokenS: 0.5,
  numPreemptions: 0,
  isCorrupted: false,
};

/** Metrics of model "tiny", created at 1_700_000_000.5 s. */
export function makeMetrics(options: Partial<MetricsOptions> = {}): Metrics {
  return new Metrics({
    info: INFO,
    modelName: "tiny",
    showHiddenFor: null,
    createdSeries: false,
    features: new Set(["log-stats"]),
    isEngineUp: () => true,
    processStats: () => null,
    nowS: () => 1_700_000_000.5,
    ...options,
  });
}

/**
 * Value of vllm:`name` for model "tiny".
 * @param label extra label, such as 'reason="capacity"'
 * @returns NaN if absent
 */
export function seriesValue(text: string, name: string, label: string | null = null): number {
  const labels = ['engine="0"', 'model_name="tiny"', ...(label === null ? [] : [label])].sort();
  const start = `vllm:${name}{${labels.join(",")}} `;
  const line = text.split("\n").find((candidate) => candidate.startsWith(start));
  return Number(line?.slice(start.length) ?? Number.NaN);
}
