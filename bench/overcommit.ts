// Runs 8 requests of 256 + 512 tokens in a pool of 4,096 tokens and in a pool that holds them all. Decoding
// is greedy, so the answers must be complete and identical in both pools. Where two answers differ, the first
// difference counts as a near tie if the large pool's two most likely tokens at that position are within 0.35
// nats of each other, and otherwise as an error.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Answer, type BenchEngine, generateAll, loadRunner, startEngine } from "./engine.ts";
import { inPairs, report } from "./measure.ts";

const NUM_REQUESTS = 8;
const PROMPT_LENGTH = 256;
const MAX_TOKENS = 512;
const SMALL = 4096 / 16 + 1;
const LARGE = (NUM_REQUESTS * (PROMPT_LENGTH + MAX_TOKENS)) / 16 + 1;
const NUM_PAIRS = 1;
const NEAR_TIE_NATS = 0.35;
const TEXTS = ["README.md", "src/README.md", "native/README.md"];

/** Natural-language prompts that start at different positions, so they share no prefix. */
async function makePrompts({ engine }: BenchEngine): Promise<Int32Array[]> {
  const root = join(import.meta.dir, "..");
  const text = TEXTS.map((path) => readFileSync(join(root, path), "utf8")).join("\n");
  const tokens = await engine.calls.encode(text, false);
  const count = NUM_PAIRS * NUM_REQUESTS;
  const stride = Math.floor((tokens.length - PROMPT_LENGTH) / count);
  return Array.from({ length: count }, (_, i) =>
    tokens.slice(i * stride, i * stride + PROMPT_LENGTH),
  );
}

interface Run {
  readonly seconds: number;
  readonly answers: readonly Answer[];
}

async function run({ engine }: BenchEngine, prompts: readonly Int32Array[]): Promise<Run> {
  const start = performance.now();
  const answers = await generateAll(engine, prompts, { maxTokens: MAX_TOKENS, logprobs: 2 });
  return { seconds: (performance.now() - start) / 1000, answers };
}

/**
 * @returns the gap, in nats, between the reference's two most likely tokens at the first difference; null if there is none
 */
function firstDifferenceNats(answer: Answer, reference: Answer): number | null {
  const at = reference.tokenIds.findIndex((id, i) => id !== answer.tokenIds[i]);
  if (at < 0) return null;
  const [first, second] = reference.logprobs[at]?.top ?? [];
  return (first?.logprob ?? 0) - (second?.logprob ?? Number.NEGATIVE_INFINITY);
}

export async function overcommit(): Promise<void> {
  const large = startEngine(await loadRunner(LARGE), LARGE);
  const small = startEngine(await loadRunner(SMALL), SMALL);
  const prompts = await makePrompts(large);
  const ofPair = (pair: number) => prompts.slice(pair * NUM_REQUESTS, (pair + 1) * NUM_REQUESTS);
  const pairs = await inPairs(
    NUM_PAIRS,
    (pair) => run(large, ofPair(pair)),
    (pair) => run(small, ofPair(pair)),
  );
  await large.shutdown();
  await small.shutdown();
  reportAnswers(pairs);
  reportCost(pairs, large, small);
}

function reportAnswers(pairs: readonly (readonly [Run, Run])[]): void {
  const answers = pairs.flatMap(([, tight]) => tight.answers);
  const references = pairs.flatMap(([free]) => free.answers);
  const of = (count: number) => `${count} of ${answers.length}`;
  const gaps = references.map((reference, i) =>
    firstDifferenceNats(answers[i] ?? { tokenIds: [], logprobs: [] }, reference),
  );
  const differing = gaps.filter((gap) => gap !== null);
  const numFaults = differing.filter((gap) => gap > NEAR_TIE_NATS).length;
  const numWhole = answers.filter(({ tokenIds }) => tokenIds.length === MAX_TOKENS).length;
  report("full-length answers", of(numWhole), of(answers.length));
  report("answers identical to the large pool's", of(answers.length - differing.length));
  report("answers that first differ at a near tie", of(differing.length - numFaults));
  report("answers that first differ elsewhere", of(numFaults), of(0));
  if (differing.length > 0) {
    report("largest gap at a first difference, nats", Math.max(...differing).toFixed(3));
  }
}

function reportCost(
  pairs: readonly (readonly [Run, Run])[],
  large: BenchEngine,
  small: BenchEngine,
): void {
  const freeS = pairs.reduce((sum, [free]) => sum + free.seconds, 0);
  const tightS = pairs.reduce((sum, [, tight]) => sum + tight.seconds, 0);
  const numAgain = small.counts.numComputedTokens - large.counts.numComputedTokens;
  report("preemptions", String(small.counts.numPreemptions), "> 0");
  report("share of tokens recomputed", (numAgain / small.counts.numComputedTokens).toFixed(3));
  report("tokens/s, small pool / large pool", (freeS / tightS).toFixed(2), ">= 0.7");
}
