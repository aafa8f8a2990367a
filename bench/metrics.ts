// Measures the cost of metrics: the CPU time that they add to a step, relative to the duration of a real
// model's step, from alternating runs with metrics and with --disable-log-stats. Also measures the cost of
// scraping all families, including process metrics, with every feature on.

import { stepCostUs } from "./bookkeeping.ts";
import { EmptyRunner } from "./empty-runner.ts";
import { engineInfo, generateAll, LIMITS, loadRunner, makeMetrics, startEngine } from "./engine.ts";
import { inPairs, median, report, tokensOf } from "./measure.ts";

const NUM_SEQS = 16;
const NUM_PAIRS = 7;
const MAX_TOKENS = 64;
const NUM_BLOCKS = 257;
/** A long context, because its histograms have more buckets. */
const MAX_MODEL_LEN = 131_072;
const NUM_SCRAPES = 200;

/** Mean time of the real model's decode step (forward pass and sampling), in µs. */
async function realStepUs(): Promise<number> {
  const { engine, counts, shutdown } = startEngine(await loadRunner(NUM_BLOCKS), NUM_BLOCKS);
  const prompts = Array.from({ length: NUM_SEQS }, (_, i) => tokensOf(i, 16));
  await generateAll(engine, prompts, { maxTokens: MAX_TOKENS });
  await shutdown();
  return (1000 * counts.nativeMs) / counts.numSteps;
}

/** @returns median ms of a scrape, and its size in bytes */
async function scrapeCost(): Promise<{ ms: number; bytes: number }> {
  const runner = new EmptyRunner(LIMITS, { numSeqs: 1, numWarmUpSteps: 0, stepsPerSlice: 1 });
  const info = engineInfo(runner, NUM_BLOCKS, { ...LIMITS, maxModelLen: MAX_MODEL_LEN });
  const page = makeMetrics(info, ["log-stats", "kv-cache-metrics", "sleep-mode"]);
  for (const handler of ["none", "/v1/chat/completions", "/v1/completions", "/v1/models"]) {
    for (const status of [200, 400]) {
      const bytes = { requestBytes: 100, responseBytes: 1000 };
      page.recordHttp({ handler, method: "POST", status, durationS: 0.1, ...bytes });
    }
  }
  const costsMs: number[] = [];
  let text = "";
  for (let i = 0; i < NUM_SCRAPES; i++) {
    const startMs = performance.now();
    text = await page.text();
    costsMs.push(performance.now() - startMs);
  }
  return { ms: median(costsMs), bytes: text.length };
}

export async function metrics(): Promise<void> {
  await stepCostUs(NUM_SEQS);
  const pairs = await inPairs(
    NUM_PAIRS,
    () => stepCostUs(NUM_SEQS, false),
    () => stepCostUs(NUM_SEQS, true),
  );
  const offUs = median(pairs.map(([off]) => off));
  const addedUs = median(pairs.map(([off, on]) => on - off));
  const stepUs = await realStepUs();
  report(`CPU µs per step of ${NUM_SEQS} sequences without metrics`, offUs.toFixed(1));
  report("extra CPU µs with metrics", addedUs.toFixed(1));
  const share = (100 * addedUs) / (stepUs + offUs);
  report(
    `share of a model step (${(stepUs / 1000).toFixed(1)} ms)`,
    `${share.toFixed(3)}%`,
    "<= 3%",
  );
  const { ms, bytes } = await scrapeCost();
  report(`ms per scrape of all families (${(bytes / 1024).toFixed(0)} KiB)`, ms.toFixed(2), "< 5");
}
