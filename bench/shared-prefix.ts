// Runs 16 concurrent requests that share 1,024 prompt tokens and add 32 tokens each. Reports the exact number
// of computed prompt tokens, from the engine's stats. At best, the prefix and each request's own tokens are
// computed only once.

import { generateAll, loadRunner, startEngine } from "./engine.ts";
import { report, tokensOf } from "./measure.ts";

const NUM_REQUESTS = 16;
const SHARED = 1024;
const OWN = 32;
const MAX_TOKENS = 32;

export async function sharedPrefix(): Promise<void> {
  const numBlocks = 1025;
  const { engine, counts, shutdown } = startEngine(await loadRunner(numBlocks), numBlocks);
  const prefix = tokensOf(1, SHARED);
  const prompts = Array.from({ length: NUM_REQUESTS }, (_, i) =>
    Int32Array.from([...prefix, ...tokensOf(100 + i, OWN)]),
  );
  await generateAll(engine, prompts, { maxTokens: MAX_TOKENS });
  await shutdown();
  // A request's last output token is sampled but never computed; its first is sampled in the step that
  // computes the prompt.
  const numDecoded = counts.numGenerationTokens - NUM_REQUESTS;
  const numComputed = counts.numComputedTokens - numDecoded;
  const best = (SHARED + NUM_REQUESTS * OWN) / counts.numPromptTokens;
  report("prompt tokens: computed / total", `${numComputed} / ${counts.numPromptTokens}`);
  report("prompt tokens from the cache", String(counts.numCachedPromptTokens));
  report("share computed", (numComputed / counts.numPromptTokens).toFixed(4), "<= 0.1667");
  report("optimal share", best.toFixed(4));
}
