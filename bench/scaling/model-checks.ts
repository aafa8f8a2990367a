// Checks of the default model's forward pass: S2, S3, S4, S9, S10, S14. All targets are ratios within one run.

import type { ModelRunner } from "../../src/runner/model-runner.ts";
import { inPairs, median, report } from "../measure.ts";
import { probe } from "../probe/probe.ts";
import {
  BLOCK_SIZE,
  blocksFrom,
  decodeEntry,
  loadModel,
  MAX_CONTEXT,
  passMs,
  planOf,
} from "./model-load.ts";

const NUM_PAIRS = 5;
const LONGEST_BLOCKS = MAX_CONTEXT / BLOCK_SIZE;

const medianRatio = (pairs: readonly (readonly [number, number])[]) =>
  median(pairs.map(([a, b]) => b / a));

async function withModel(numBlocks: number, use: (runner: ModelRunner) => Promise<void>) {
  const runner = await loadModel(numBlocks);
  try {
    await use(runner);
  } finally {
    await runner.dispose();
  }
}

/** S2: the context length of one sequence. */
export function contextLength(): Promise<void> {
  return withModel(LONGEST_BLOCKS + 1, async (runner) => {
    const contexts = [256, 1024, 4096, MAX_CONTEXT - 1];
    const times: number[] = [];
    for (const context of contexts) {
      times.push(await passMs(runner, planOf([decodeEntry(0, context)])));
    }
    const [first = Number.NaN, last = Number.NaN] = [times[0], times.at(-1)];
    const usPerToken = (1000 * (last - first)) / (MAX_CONTEXT - 257);
    const { readGbs } = await probe(navigator.hardwareConcurrency);
    const kvUs = runner.info.kvBytesPerToken / (readGbs * 1000);
    report(
      "ms per pass at a context of 256 / 1k / 4k / 8k",
      times.map((ms) => ms.toFixed(2)).join(" / "),
    );
    report(
      "time per token of context / its bytes at the probe's rate",
      (usPerToken / kvUs).toFixed(2),
      "<= 1.5",
    );
  });
}

/** S3: other sequences resident in the pool. */
export function residentSequences(): Promise<void> {
  const numTokens = 256;
  const numBlocks = numTokens / BLOCK_SIZE;
  return withModel(65 + 16 * numBlocks + 1, async (runner) => {
    const alone = planOf([decodeEntry(0, 1024)]);
    const fill = async () => {
      for (let other = 1; other <= 16; other++) {
        const blockIds = blocksFrom(66 + (other - 1) * numBlocks, numBlocks);
        await runner.run(planOf([{ context: 0, numTokens, blockIds }]));
      }
    };
    const before = await passMs(runner, alone);
    await fill();
    const after = await passMs(runner, alone);
    report("decode, 16 others resident / none", (after / before).toFixed(3), "<= 1.05");
  });
}

/** S4: block order. */
export function shuffledBlocks(): Promise<void> {
  return withModel(LONGEST_BLOCKS + 1, async (runner) => {
    const numBlocks = 4096 / BLOCK_SIZE + 1;
    const planWith = (isShuffled: boolean) =>
      planOf([{ context: 4096, numTokens: 1, blockIds: blocksFrom(1, numBlocks, isShuffled) }]);
    const shortMs = await passMs(runner, planOf([decodeEntry(0, 16)]));
    const pairs = await inPairs(
      NUM_PAIRS,
      async () => (await passMs(runner, planWith(false))) - shortMs,
      async () => (await passMs(runner, planWith(true))) - shortMs,
    );
    report("attention at 4k, shuffled / contiguous", medianRatio(pairs).toFixed(2), "<= 1.3");
  });
}

/** S9: chunk size. */
export function chunkSize(): Promise<void> {
  return withModel(LONGEST_BLOCKS + 1, async (runner) => {
    const length = 2048;
    const blockIds = blocksFrom(1, length / BLOCK_SIZE);
    const rates = new Map<number, number>();
    for (const chunk of [64, 128, 256, 512, 1024, 2048]) {
      let ms = 0;
      for (let context = 0; context < length; context += chunk) {
        ms += (await runner.run(planOf([{ context, numTokens: chunk, blockIds }]))).forwardMs;
      }
      rates.set(chunk, (1000 * length) / ms);
    }
    for (const [chunk, rate] of rates) report(`tok/s in chunks of ${chunk}`, rate.toFixed(0));
    const share = (rates.get(256) ?? Number.NaN) / (rates.get(2048) ?? Number.NaN);
    report("chunks of 256 / of 2,048", share.toFixed(2), ">= 0.9");
  });
}

/** Numbers of sequences per pass: whole tiles, and one row fewer or more. */
const ROWS = [1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 24, 31, 32, 33, 48, 64] as const;

/** S10: tokens per pass. */
export function rowsPerPass(): Promise<void> {
  return withModel(64 * 3 + 1, async (runner) => {
    const times = new Map<number, number>();
    for (const rows of ROWS) {
      const plan = planOf(Array.from({ length: rows }, (_, i) => decodeEntry(i, 32)));
      times.set(rows, await passMs(runner, plan));
    }
    const timeOf = (rows: number) => times.get(rows) ?? Number.NaN;
    const list = ROWS.map((rows) => `${rows}: ${timeOf(rows).toFixed(2)}`).join(", ");
    console.log(`  ms per pass by rows: ${list}`);
    const worst = Math.max(
      ...ROWS.flatMap((rows, i) =>
        ROWS.slice(i + 1)
          .filter((more) => more % 4 === 0)
          .map((more) => timeOf(rows) / timeOf(more)),
      ),
    );
    report("worst time(M) / time with more rows, a multiple of 4", worst.toFixed(2), "<= 1.1");
    report("time with 4 rows / time with 1", (timeOf(4) / timeOf(1)).toFixed(2), "<= 1.6");
  });
}

/** S14: the number of threads. */
export async function threads(): Promise<void> {
  const one = await loadModel(LONGEST_BLOCKS + 1, 1);
  const two = await loadModel(LONGEST_BLOCKS + 1, 2);
  const prompt = { context: 0, numTokens: 512, blockIds: blocksFrom(1, 32) };
  const batch = Array.from({ length: 16 }, (_, i) => decodeEntry(i, 128));
  const cases = [
    ["one stream (W1)", planOf([decodeEntry(0, 64)]), ">= 1.6"],
    ["16 streams (W2)", planOf(batch), ">= 1.75"],
    ["prefill of 512 (W3)", planOf([prompt]), ">= 1.75"],
  ] as const;
  for (const [name, plan, target] of cases) {
    const pairs = await inPairs(
      NUM_PAIRS,
      () => passMs(two, plan, 5),
      () => passMs(one, plan, 5),
    );
    report(`${name}: time on 1 thread / time on 2`, medianRatio(pairs).toFixed(2), target);
  }
  await one.dispose();
  await two.dispose();
}
