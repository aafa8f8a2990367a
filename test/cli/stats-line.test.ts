// vLLM's statistics line.

import { describe, expect, test } from "bun:test";
import { StatsLine } from "../../src/cli/stats-line.ts";

describe("StatsLine", () => {
  const idle = {
    numRunningReqs: 0,
    numWaitingReqs: 0,
    numDeferredReqs: 0,
    kvCacheUsage: 0,
    prefixCache: { requests: 1, queries: 100, hits: 25 },
    numPreemptedReqs: 0,
    blockEvictions: [],
    specDecode: null,
    adapters: null,
    numScheduledTokens: 0,
    forwardMs: 0,
    samplingMs: 0,
  };

  test("reports rates, queue, and cache in vLLM's format, then one idle line, then nothing", () => {
    const line = new StatsLine();
    expect(line.take(10)).toBeNull();
    line.record(
      { ...idle, numRunningReqs: 2, kvCacheUsage: 0.125 },
      {
        timeToFirstTokensS: [],
        interTokenLatenciesS: [],
        numPromptTokens: 50,
        numCachedPromptTokens: 0,
        numGenerationTokens: 30,
        numPreemptions: 0,
        iterationTokens: [],
        finished: [],
        finishedParents: [],
      },
    );
    expect(line.take(10)).toBe(
      "Avg prompt throughput: 5.0 tokens/s, Avg generation throughput: 3.0 tokens/s, " +
        "Running: 2 reqs, Waiting: 0 reqs, KV cache usage: 12.5%, Prefix cache hit rate: 25.0%",
    );
    line.record(idle, null);
    expect(line.take(10)).toContain("Running: 0 reqs");
    expect(line.take(10)).toBeNull();
  });

  test("reports drafts in vLLM's format if there were any", () => {
    const line = new StatsLine();
    const specDecode = { numDrafts: 10, numDraftTokens: 30, numAcceptedTokens: 15 };
    line.record({ ...idle, specDecode: { ...specDecode, acceptedPerPos: [10, 5] } }, null);
    line.record({ ...idle, specDecode: { ...specDecode, acceptedPerPos: [8, 6, 1] } }, null);
    expect(line.takeSpecDecode(10)).toBe(
      "SpecDecoding metrics: Mean acceptance length: 2.50, Accepted throughput: 3.00 tokens/s, " +
        "Drafted throughput: 6.00 tokens/s, Accepted: 30 tokens, Drafted: 60 tokens, " +
        "Per-position acceptance rate: 0.900, 0.550, 0.050, Avg Draft acceptance rate: 50.0%",
    );
    expect(line.takeSpecDecode(10)).toBeNull();
  });
});
