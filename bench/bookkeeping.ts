// Measures the CPU time of a step outside the forward pass: planning, packing, unpacking, updates, text,
// metrics, and routing to readers that consume every token. Excludes the step's two calls into native code
// and the writing of events to sockets.

import { EmptyRunner } from "./empty-runner.ts";
import { generateAll, LIMITS, startEngine } from "./engine.ts";
import { median, report, tokensOf } from "./measure.ts";

const NUM_WARM_UP_STEPS = 300;
/** Long enough that every slice includes its share of garbage collections. */
const STEPS_PER_SLICE = 400;
const NUM_SLICES = 9;
const PROMPT_LENGTH = 64;
const MAX_MODEL_LEN = 4096;

/** Median across the slices, in µs of CPU time per step of `numSeqs` decoding sequences. */
export async function stepCostUs(numSeqs: number, hasMetrics = true): Promise<number> {
  // A step must have room for one token from each sequence.
  const maxNumBatchedTokens = Math.max(LIMITS.maxNumBatchedTokens, numSeqs);
  const room = { maxNumSeqs: numSeqs, maxModelLen: MAX_MODEL_LEN, maxNumBatchedTokens };
  const limits = { ...LIMITS, ...room };
  const runner = new EmptyRunner(limits, {
    numSeqs,
    numWarmUpSteps: NUM_WARM_UP_STEPS,
    stepsPerSlice: STEPS_PER_SLICE,
  });
  const numBlocks = numSeqs * (MAX_MODEL_LEN / LIMITS.blockSize) + 1;
  const { engine, shutdown } = startEngine(runner, numBlocks, limits, hasMetrics);
  const prompts = Array.from({ length: numSeqs }, (_, i) =>
    tokensOf(i, PROMPT_LENGTH).map((id) => id % runner.info.vocabSize),
  );
  const maxTokens = NUM_WARM_UP_STEPS + NUM_SLICES * STEPS_PER_SLICE + 2;
  await generateAll(engine, prompts, { maxTokens });
  await shutdown();
  return median(runner.cpuUsPerStep);
}

export async function bookkeeping(): Promise<void> {
  // Warms up with the largest case first, because the JIT compiler's threads count as CPU time.
  await stepCostUs(128);
  const one = await stepCostUs(1);
  const sixteen = await stepCostUs(16);
  const many = await stepCostUs(128);
  const perSequence = (many - one) / 127;
  const steps = [one, sixteen, many].map((us) => us.toFixed(1)).join(" / ");
  report("CPU µs per step with 1 / 16 / 128 sequences", steps);
  report("fixed, µs per step", (one - perSequence).toFixed(1), "<= 25");
  report("per running sequence, µs per step", perSequence.toFixed(2), "<= 11");
  report("cost of 128 sequences / cost of 16", (many / sixteen).toFixed(1), "<= 9");
}
