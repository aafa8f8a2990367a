// Measures the share of a run's wall time in which the model's thread neither computes nor samples. This
// share includes the costs that `bookkeeping` measures, the calls into native code, and the wake-up of the JS
// thread.

import { generateAll, loadRunner, startEngine } from "./engine.ts";
import { report, tokensOf } from "./measure.ts";

const PROMPT_LENGTH = 16;
const MAX_TOKENS = 128;

async function gapShare(numSeqs: number): Promise<number> {
  const numBlocks = 257;
  const { engine, counts, shutdown } = startEngine(await loadRunner(numBlocks), numBlocks);
  const promptsOf = (seed: number) =>
    Array.from({ length: numSeqs }, (_, i) => tokensOf(seed + i, PROMPT_LENGTH));
  await generateAll(engine, promptsOf(0), { maxTokens: 16 });
  const { nativeMs } = counts;
  const start = performance.now();
  await generateAll(engine, promptsOf(1000), { maxTokens: MAX_TOKENS });
  const wallMs = performance.now() - start;
  await shutdown();
  return 1 - (counts.nativeMs - nativeMs) / wallMs;
}

export async function stepGap(): Promise<void> {
  for (const numSeqs of [1, 16]) {
    const share = await gapShare(numSeqs);
    report(`wall time outside pass and sampling, batch of ${numSeqs}`, percent(share), "<= 3%");
  }
}

const percent = (share: number) => `${(100 * share).toFixed(2)}%`;
