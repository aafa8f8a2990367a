// Measures sampling time per row, in microseconds, in 16-row steps with one and two threads: the cost that
// sampling adds to a 16-sequence decode step. The model's logits are synthetic, peaked like a language
// model's, and its other work is negligible. Uses the minimum of many steps, because other processes only add
// time.

import { rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { NativeModel } from "../src/runner/addon-types.ts";
import { NUM_LOGIT_ROWS, writeLogitsModel } from "../test/support/logits-model.ts";
import { loadTestModel, NativeStep, type StepRow } from "../test/support/native-step.ts";
import { Prng } from "../test/support/prng.ts";
import { inPairs, report } from "./measure.ts";

const NUM_STEPS = 40;
const NUM_PAIRS = 4;

/** Vocabulary sizes, and the time limit per row on two threads. */
const VOCABULARIES = [
  { vocabSize: 49_152, budgetUs: 15 },
  { vocabSize: 262_144, budgetUs: 60 },
] as const;

const CASES: Readonly<Record<string, StepRow>> = {
  greedy: { numLogprobs: -1 },
  temperature: { numLogprobs: -1, temperature: 1 },
  "top-k 40": { numLogprobs: -1, temperature: 1, topK: 40 },
  "top-p 0.95": { numLogprobs: -1, temperature: 1, topP: 0.95 },
  "top-p 0.95, 5 logprobs": { numLogprobs: 5, temperature: 1, topP: 0.95 },
  "min-p 0.05": { numLogprobs: -1, temperature: 1, minP: 0.05 },
  "greedy, 20 logprobs": { numLogprobs: 20 },
};

/** Mostly unlikely tokens, plus 300 likely tokens whose logits decrease with rank. */
function peakedRow(vocabSize: number, seed: number): Float32Array {
  const prng = new Prng(seed);
  const row = Float32Array.from({ length: vocabSize }, () => {
    const radius = Math.sqrt(-2 * Math.log(1 - prng.next()));
    return 2.2 * radius * Math.cos(2 * Math.PI * prng.next());
  });
  for (let rank = 1; rank <= 300; rank++) {
    row[prng.int(0, vocabSize - 1)] = 18 - 2.5 * Math.log(rank);
  }
  return row;
}

class Sampled {
  readonly #model: NativeModel;
  readonly #step: NativeStep;

  constructor(model: NativeModel) {
    this.#model = model;
    this.#step = new NativeStep(model);
  }

  async rowUs(row: StepRow): Promise<number> {
    let least = Number.POSITIVE_INFINITY;
    for (let outputIndex = 0; outputIndex < NUM_STEPS; outputIndex++) {
      const sequences = Array.from({ length: NUM_LOGIT_ROWS }, (_, token) => ({
        tokenIds: [token],
        blockIds: [1 + token],
        rows: [{ ...row, outputIndex, seed: BigInt(token) }],
      }));
      await this.#step.run(sequences);
      least = Math.min(least, (1000 * this.#step.samplingMs) / NUM_LOGIT_ROWS);
    }
    return least;
  }

  dispose(): Promise<void> {
    return this.#model.dispose();
  }
}

export async function sampling(): Promise<void> {
  for (const { vocabSize, budgetUs } of VOCABULARIES) {
    const path = join(tmpdir(), `pagoda-bench-${process.pid}.gguf`);
    const rows = Array.from({ length: NUM_LOGIT_ROWS }, (_, i) => peakedRow(vocabSize, i + 1));
    writeLogitsModel(path, rows);
    const one = new Sampled(await loadTestModel(path, { numThreads: 1 }));
    const two = new Sampled(await loadTestModel(path, { numThreads: 2 }));
    rmSync(path);
    for (const [name, row] of Object.entries(CASES)) {
      const pairs = await inPairs(
        NUM_PAIRS,
        () => one.rowUs(row),
        () => two.rowUs(row),
      );
      const [oneUs, twoUs] = [0, 1].map((i) => Math.min(...pairs.map((pair) => pair[i] ?? 0)));
      const figure = `${oneUs?.toFixed(1)} / ${twoUs?.toFixed(1)}`;
      const title = `${vocabSize} tokens, ${name}, µs/row: 1 / 2 threads`;
      report(title, figure, `<= ${budgetUs}`);
    }
    await one.dispose();
    await two.dispose();
  }
}
