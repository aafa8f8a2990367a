// What metrics cost: a step's CPU time with them and with --disable-log-stats, in turn, set against the
// step of the real model.

import { stepCostUs } from "./bookkeeping.ts";
import { generateAll, loadRunner, startEngine } from "./engine.ts";
import { inPairs, median, report, tokensOf } from "./measure.ts";

const NUM_SEQS = 16;
const NUM_PAIRS = 7;
const MAX_TOKENS = 64;

/** Mean of a decoding step of the real model, µs: pass and sampling. */
async function realStepUs(): Promise<number> {
  const numBlocks = 257;
  const { engine, counts, shutdown } = startEngine(await loadRunner(numBlocks), numBlocks);
  const prompts = Array.from({ length: NUM_SEQS }, (_, i) => tokensOf(i, 16));
  await generateAll(engine, prompts, { maxTokens: MAX_TOKENS });
  await shutdown();
  return (1000 * counts.nativeMs) / counts.numSteps;
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
  report(`µs of CPU a step of ${NUM_SEQS} without metrics`, offUs.toFixed(1));
  report("µs more with metrics", addedUs.toFixed(1));
  const share = (100 * addedUs) / (stepUs + offUs);
  report(
    `share of a step of the model (${(stepUs / 1000).toFixed(1)} ms)`,
    `${share.toFixed(3)} %`,
    "<= 3 %",
  );
}
