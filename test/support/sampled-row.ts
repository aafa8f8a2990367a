// One row of logits from a tiny random model, sampled repeatedly through step(), with the logprobs of the
// whole vocabulary, from which tests compute the expected samples.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { NativeModel, SamplerInit } from "../../src/runner/addon-types.ts";
import { loadTestModel, NativeStep, type StepRow, type StepRowResult } from "./native-step.ts";
import { writeTinyGguf } from "./tiny-gguf.ts";

export const PROMPT: readonly number[] = [1, 270, 280, 290, 265];
/** A token whose embedding is NaN. */
export const NAN_TOKEN = 200;
const NUM_DRAWS = 2048;
const NO_IDS = new Int32Array(0);

/** A sampler state that has no effect. */
export function emptyInit(vocabSize: number): SamplerInit {
  return {
    vocabSize,
    promptTokenIds: NO_IDS,
    outputTokenIds: NO_IDS,
    logitBiasIds: NO_IDS,
    logitBiasValues: new Float32Array(0),
    allowedTokenIds: NO_IDS,
    endTokenIds: NO_IDS,
    badWordIds: NO_IDS,
    badWordStarts: Int32Array.of(0),
    grammar: 0,
    isGrammarOptional: false,
  };
}

export class SampledRow {
  readonly model: NativeModel;
  readonly step: NativeStep;
  /** [vocabSize] logprob of every token after PROMPT. */
  readonly logprobs: readonly number[];
  /** [vocabSize] token IDs, most likely first. */
  readonly ranking: readonly number[];
  readonly #folder: string;

  private constructor(
    folder: string,
    model: NativeModel,
    step: NativeStep,
    logprobs: readonly number[],
  ) {
    this.#folder = folder;
    this.model = model;
    this.step = step;
    this.logprobs = logprobs;
    this.ranking = logprobs
      .map((_, id) => id)
      .sort((a, b) => this.logprobOf(b) - this.logprobOf(a));
  }

  static async load(): Promise<SampledRow> {
    const folder = mkdtempSync(join(tmpdir(), "pagoda-sampler-"));
    const path = join(folder, "tiny.gguf");
    writeTinyGguf(path, { nanTokenId: NAN_TOKEN });
    const model = await loadTestModel(path);
    const step = new NativeStep(model);
    const rows = Array.from({ length: model.info.vocabSize }, (_, target) => ({ target }));
    const scored = await step.run([{ tokenIds: PROMPT, blockIds: [1], rows }]);
    const logprobs = scored.map((row) => row.logprob);
    return new SampledRow(folder, model, step, logprobs);
  }

  async remove(): Promise<void> {
    await this.model.dispose();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  logprobOf(tokenId: number): number {
    return this.logprobs[tokenId] ?? Number.NaN;
  }

  /** Returns the token with a given rank; 0 = the most likely one. */
  ranked(place: number): number {
    return this.ranking[place] ?? -1;
  }

  /** Samples all rows from the logits after PROMPT, in one step. */
  sample(rows: readonly StepRow[]): Promise<StepRowResult[]> {
    return this.step.run([{ tokenIds: PROMPT, blockIds: [1], rows }]);
  }

  async tokenOf(row: StepRow): Promise<number> {
    const [result] = await this.sample([row]);
    return result?.tokenId ?? -1;
  }

  createSampler(init: Partial<SamplerInit>): number {
    return this.model.createSampler({ ...emptyInit(this.model.info.vocabSize), ...init });
  }

  /** Returns how often each token is drawn across 2,048 output indices. */
  async draw(row: StepRow): Promise<Map<number, number>> {
    const counts = new Map<number, number>();
    for (let start = 0; start < NUM_DRAWS; start += 512) {
      const rows = Array.from({ length: 512 }, (_, i) => ({ ...row, outputIndex: start + i }));
      for (const { tokenId } of await this.sample(rows)) {
        counts.set(tokenId, (counts.get(tokenId) ?? 0) + 1);
      }
    }
    return counts;
  }

  /** Returns the probabilities of `ids` at a temperature if they are the only allowed tokens. */
  probabilities(ids: readonly number[], temperature: number): Map<number, number> {
    const best = this.logprobOf(this.ranked(0));
    const weights = ids.map((id) => Math.exp((this.logprobOf(id) - best) / temperature));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    return new Map(ids.map((id, i) => [id, (weights[i] ?? 0) / total]));
  }
}

/**
 * Chi-square statistic of draw()'s counts, in standard deviations; each cell has at least 8 expected draws.
 */
export function excess(counts: Map<number, number>, expected: Map<number, number>): number {
  const cells: [number, number][] = [];
  let rest: [number, number] = [0, 0];
  for (const [id, probability] of expected) {
    const cell: [number, number] = [counts.get(id) ?? 0, probability * NUM_DRAWS];
    if (cell[1] >= 8) cells.push(cell);
    else rest = [rest[0] + cell[0], rest[1] + cell[1]];
  }
  if (rest[1] >= 8) cells.push(rest);
  const chi = cells.reduce((sum, [seen, wanted]) => sum + (seen - wanted) ** 2 / wanted, 0);
  const freedom = cells.length - 1;
  return freedom === 0 ? 0 : (chi - freedom) / Math.sqrt(2 * freedom);
}
