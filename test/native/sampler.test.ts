// Sampling through step() on a tiny random model: every expectation is computed here from the
// log-probabilities that the addon reports for the whole vocabulary of one row.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FLAG_BAN_END, type NativeModel, type SamplerInit } from "../../src/runner/addon-types.ts";
import {
  loadTestModel,
  NativeStep,
  type StepRow,
  type StepRowResult,
} from "../support/native-step.ts";
import { writeTinyGguf } from "../support/tiny-gguf.ts";

const PROMPT = [1, 270, 280, 290, 265];
const NAN_TOKEN = 200;
const NO_IDS = new Int32Array(0);

let folder: string;
let model: NativeModel;
let step: NativeStep;
/** Log-probability of every token after PROMPT. */
let logprobs: number[];
/** Token ids, likeliest first. */
let ranking: number[];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "pagoda-sampler-"));
  const path = join(folder, "tiny.gguf");
  writeTinyGguf(path, { nanTokenId: NAN_TOKEN });
  model = await loadTestModel(path);
  step = new NativeStep(model);
  const targets = Array.from({ length: model.info.vocabSize }, (_, target) => ({ target }));
  logprobs = (await rows(targets)).map((row) => row.logprob);
  ranking = logprobs.map((_, id) => id).sort((a, b) => logprobOf(b) - logprobOf(a));
});

afterAll(async () => {
  await model?.dispose();
  rmSync(folder, { recursive: true, force: true });
});

function logprobOf(tokenId: number): number {
  return logprobs[tokenId] ?? Number.NaN;
}

/** The token at a place of the ranking, 0 = the likeliest. */
function ranked(place: number): number {
  return ranking[place] ?? -1;
}

/** Samples all rows from the logits after PROMPT, in one step. */
function rows(specs: readonly StepRow[]): Promise<StepRowResult[]> {
  return step.run([{ tokenIds: PROMPT, blockIds: [1], rows: specs }]);
}

async function tokenOf(row: StepRow): Promise<number> {
  const [result] = await rows([row]);
  return result?.tokenId ?? -1;
}

function sampler(init: Partial<SamplerInit>): number {
  return model.createSampler({
    vocabSize: model.info.vocabSize,
    promptTokenIds: NO_IDS,
    outputTokenIds: NO_IDS,
    logitBiasIds: NO_IDS,
    logitBiasValues: new Float32Array(0),
    allowedTokenIds: NO_IDS,
    endTokenIds: NO_IDS,
    ...init,
  });
}

/** How often each token is drawn over 2,048 output indices. */
async function draw(row: StepRow): Promise<Map<number, number>> {
  const counts = new Map<number, number>();
  for (let start = 0; start < 2048; start += 512) {
    const indices = Array.from({ length: 512 }, (_, i) => ({ ...row, outputIndex: start + i }));
    for (const { tokenId } of await rows(indices)) {
      counts.set(tokenId, (counts.get(tokenId) ?? 0) + 1);
    }
  }
  return counts;
}

/** Probabilities of `ids` at a temperature; the others have none. */
function probabilities(ids: readonly number[], temperature: number): Map<number, number> {
  const weights = ids.map((id) => Math.exp((logprobOf(id) - logprobOf(ranked(0))) / temperature));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return new Map(ids.map((id, i) => [id, (weights[i] ?? 0) / total]));
}

/** The ids that a share `topP` of the probability leaves, likeliest first. */
function nucleus(topP: number, temperature: number): number[] {
  const expected = probabilities(ranking, temperature);
  let mass = 0;
  const end = ranking.findIndex((id) => {
    mass += expected.get(id) ?? 0;
    return mass >= topP;
  });
  return ranking.slice(0, end + 1);
}

/** Chi-square of counts against probabilities over cells of at least 8 expected draws, in deviations. */
function excess(counts: Map<number, number>, expected: Map<number, number>): number {
  const cells: [number, number][] = [];
  let rest: [number, number] = [0, 0];
  for (const [id, probability] of expected) {
    const cell: [number, number] = [counts.get(id) ?? 0, probability * 2048];
    if (cell[1] >= 8) cells.push(cell);
    else rest = [rest[0] + cell[0], rest[1] + cell[1]];
  }
  if (rest[1] >= 8) cells.push(rest);
  const chi = cells.reduce((sum, [seen, wanted]) => sum + (seen - wanted) ** 2 / wanted, 0);
  const freedom = cells.length - 1;
  return freedom === 0 ? 0 : (chi - freedom) / Math.sqrt(2 * freedom);
}

describe("scoring", () => {
  test("gives log-probabilities that sum to one and the ranks that follow from them", async () => {
    const total = logprobs.reduce((sum, logprob) => sum + Math.exp(logprob), 0);
    expect(total).toBeCloseTo(1, 4);
    const scored = await rows(ranking.map((target) => ({ target })));
    expect(scored.map((row) => row.tokenId)).toEqual(ranking);
    expect(scored.map((row) => row.rank)).toEqual(ranking.map((_, i) => i + 1));
  });

  test("reports the 20 likeliest tokens in order, whatever is sampled or scored", async () => {
    const top = ranking.slice(0, 20).map((tokenId) => ({ tokenId, logprob: logprobOf(tokenId) }));
    const handle = sampler({ allowedTokenIds: Int32Array.of(7) });
    const results = await rows([
      { numLogprobs: 20 },
      { numLogprobs: 20, target: 9 },
      { numLogprobs: 20, sampler: handle },
      { numLogprobs: 20, temperature: 0.3, topK: 2 },
    ]);
    for (const result of results) expect(result.top).toEqual(top);
    expect(results[2]).toMatchObject({
      tokenId: 7,
      logprob: logprobOf(7),
      rank: ranking.indexOf(7) + 1,
    });
    model.freeSampler(handle);
  });

  test("reports as many top tokens as were asked for", async () => {
    const [none, three] = await rows([{ numLogprobs: 0 }, { numLogprobs: 3 }]);
    expect(none?.top).toEqual([]);
    expect(none?.logprob).toBe(logprobOf(ranked(0)));
    expect(three?.top.map((entry) => entry.tokenId)).toEqual(ranking.slice(0, 3));
  });
});

describe("greedy sampling", () => {
  test("takes the likeliest token", async () => {
    const [result] = await rows([{}]);
    expect(result).toMatchObject({ tokenId: ranked(0), rank: 1, logprob: logprobOf(ranked(0)) });
  });

  test("is what a temperature below 1e-5, top-k of one and a tiny top-p give", async () => {
    expect(await tokenOf({ temperature: 1e-6 })).toBe(ranked(0));
    const seeds = Array.from({ length: 64 }, (_, i) => BigInt(i));
    const results = await rows([
      ...seeds.map((seed) => ({ temperature: 2, topK: 1, seed })),
      ...seeds.map((seed) => ({ temperature: 2, topP: 1e-6, seed })),
      ...seeds.map((seed) => ({ temperature: 2, minP: 1, seed })),
    ]);
    expect(new Set(results.map((row) => row.tokenId))).toEqual(new Set([ranked(0)]));
  });
});

describe("random sampling", () => {
  for (const temperature of [0.5, 1, 2]) {
    test(`draws from the softmax at temperature ${temperature}`, async () => {
      const counts = await draw({ temperature, seed: 11n });
      expect(excess(counts, probabilities(ranking, temperature))).toBeLessThan(4);
    });
  }

  test("keeps the k likeliest with top-k, renormalised", async () => {
    const expected = probabilities(ranking.slice(0, 5), 1.5);
    const counts = await draw({ temperature: 1.5, topK: 5, seed: 12n });
    expect(new Set(counts.keys())).toEqual(new Set(expected.keys()));
    expect(excess(counts, expected)).toBeLessThan(4);
  });

  test("takes a top-k beyond the vocabulary, of 0 and of -1 as no limit", async () => {
    const all = await draw({ temperature: 1, seed: 13n });
    for (const topK of [-1, model.info.vocabSize, 100000]) {
      expect(await draw({ temperature: 1, topK, seed: 13n })).toEqual(all);
    }
  });

  for (const topP of [0.3, 0.9]) {
    test(`keeps the fewest tokens that reach ${topP} with top-p`, async () => {
      const kept = nucleus(topP, 1);
      const counts = await draw({ temperature: 1, topP, seed: 14n });
      expect([...counts.keys()].filter((id) => !kept.includes(id))).toEqual([]);
      expect(excess(counts, probabilities(kept, 1))).toBeLessThan(4);
    });
  }

  test("keeps with min-p what is at least that share of the likeliest", async () => {
    const bound = logprobOf(ranked(0)) + Math.log(0.2);
    const kept = ranking.filter((id) => logprobOf(id) >= bound);
    expect(kept.length).toBeGreaterThan(1);
    const counts = await draw({ temperature: 1, minP: 0.2, seed: 15n });
    expect([...counts.keys()].filter((id) => !kept.includes(id))).toEqual([]);
    expect(excess(counts, probabilities(kept, 1))).toBeLessThan(4);
  });

  test("takes min-p of what top-k leaves", async () => {
    const bound = logprobOf(ranked(0)) + Math.log(0.2);
    const kept = ranking.filter((id) => logprobOf(id) >= bound);
    const counts = await draw({ temperature: 1, topK: 200, minP: 0.2, seed: 17n });
    expect([...counts.keys()].filter((id) => !kept.includes(id))).toEqual([]);
    const two = await draw({ temperature: 1, topK: 2, minP: 0.01, seed: 17n });
    expect(excess(two, probabilities(ranking.slice(0, 2), 1))).toBeLessThan(4);
  });

  test("takes top-p of what top-k leaves", async () => {
    const topK = ranking.slice(0, 4);
    const [first = 0, second = 0] = probabilities(topK, 1).values();
    const twoShare = first + second;
    const counts = await draw({ temperature: 1, topK: 4, topP: twoShare - 1e-4, seed: 16n });
    expect(new Set(counts.keys())).toEqual(new Set(topK.slice(0, 2)));
  });
});

describe("seeds", () => {
  const row = { temperature: 1.3, topP: 0.95, seed: 0x1234_5678_9abc_def0n };

  test("give the same tokens alone and batched with others", async () => {
    const alone: number[] = [];
    for (let outputIndex = 0; outputIndex < 8; outputIndex++) {
      alone.push(await tokenOf({ ...row, outputIndex }));
    }
    const others = { temperature: 1, seed: 5n };
    const batched = await step.run([
      { tokenIds: [1, 260, 261], blockIds: [2], rows: [others, others] },
      {
        tokenIds: PROMPT,
        blockIds: [3],
        rows: alone.flatMap((_, outputIndex) => [{ ...row, outputIndex }, others]),
      },
      { tokenIds: [1, 262], blockIds: [4], rows: [{ ...others, topK: 3 }] },
    ]);
    const own = batched.filter((_, i) => i >= 2 && i % 2 === 0 && i < 18);
    expect(own.map((result) => result.tokenId)).toEqual(alone);
  });

  test("differ by every bit and by the output index", async () => {
    const results = await rows(
      Array.from({ length: 64 }, (_, bit) => ({ ...row, seed: row.seed ^ (1n << BigInt(bit)) })),
    );
    // With 298 tokens a seed that is ignored would repeat one token throughout.
    expect(new Set(results.map((result) => result.tokenId)).size).toBeGreaterThan(10);
    const high = results.slice(32).map((result) => result.tokenId);
    expect(new Set(high).size).toBeGreaterThan(5);
  });

  test("next to each other do not share a shifted sequence", async () => {
    const indices = Array.from({ length: 32 }, (_, outputIndex) => outputIndex);
    const of = async (seed: bigint) =>
      (await rows(indices.map((outputIndex) => ({ ...row, seed, outputIndex })))).map(
        (r) => r.tokenId,
      );
    const [first, second] = [await of(100n), await of(101n)];
    expect(second.slice(0, -1)).not.toEqual(first.slice(1));
    expect(second.slice(1)).not.toEqual(first.slice(0, -1));
  });
});

describe("sampler state", () => {
  test("forces a token with a bias of 100 and removes one with -100", async () => {
    const forced = sampler({
      logitBiasIds: Int32Array.of(42),
      logitBiasValues: Float32Array.of(100),
    });
    const removed = sampler({
      logitBiasIds: Int32Array.of(ranked(0)),
      logitBiasValues: Float32Array.of(-100),
    });
    expect(await tokenOf({ sampler: forced })).toBe(42);
    expect(await tokenOf({ sampler: forced, temperature: 1 })).toBe(42);
    expect(await tokenOf({ sampler: removed })).toBe(ranked(1));
  });

  test("adds a bias to the logit, so that odds change by its exponential", async () => {
    const [a, b] = [ranked(0), ranked(1)];
    const gap = logprobOf(a) - logprobOf(b);
    const bias = (values: number[]) => ({
      logitBiasIds: Int32Array.of(b),
      logitBiasValues: Float32Array.from(values),
    });
    expect(await tokenOf({ sampler: sampler(bias([gap - 0.01])) })).toBe(a);
    expect(await tokenOf({ sampler: sampler(bias([gap + 0.01])) })).toBe(b);
  });

  test("samples allowed ids only, in their own proportions", async () => {
    const allowed = [ranked(3), ranked(10), ranked(100)];
    const handle = sampler({ allowedTokenIds: Int32Array.from(allowed) });
    expect(await tokenOf({ sampler: handle })).toBe(ranked(3));
    const counts = await draw({ sampler: handle, temperature: 1, seed: 21n });
    expect(excess(counts, probabilities(allowed, 1))).toBeLessThan(4);
    expect([...counts.keys()].every((id) => allowed.includes(id))).toBe(true);
  });

  test("bans end tokens where the row says so, whatever their bias", async () => {
    const handle = sampler({
      endTokenIds: Int32Array.of(ranked(0), ranked(1)),
      logitBiasIds: Int32Array.of(ranked(1)),
      logitBiasValues: Float32Array.of(100),
    });
    expect(await tokenOf({ sampler: handle })).toBe(ranked(1));
    expect(await tokenOf({ sampler: handle, flags: FLAG_BAN_END })).toBe(ranked(2));
  });

  test("falls back to the likeliest of all when nothing is allowed", async () => {
    const only = Int32Array.of(ranked(5));
    const handle = sampler({ allowedTokenIds: only, endTokenIds: only });
    expect(await tokenOf({ sampler: handle, flags: FLAG_BAN_END })).toBe(ranked(0));
    expect(await tokenOf({ sampler: handle, flags: FLAG_BAN_END, temperature: 2 })).toBe(ranked(0));
  });

  test("counts sampled tokens: a heavy frequency penalty walks down the ranking", async () => {
    const handle = sampler({});
    const seen: number[] = [];
    for (let i = 0; i < 5; i++)
      seen.push(await tokenOf({ sampler: handle, frequencyPenalty: 100 }));
    expect(seen).toEqual(ranking.slice(0, 5));
  });

  test("does not count a scored token", async () => {
    const handle = sampler({});
    await rows([{ sampler: handle, target: ranked(0) }]);
    expect(await tokenOf({ sampler: handle, presencePenalty: 100 })).toBe(ranked(0));
  });

  test("penalises frequency by the count and presence once", async () => {
    const [a, b] = [ranked(0), ranked(1)];
    const gap = logprobOf(a) - logprobOf(b);
    const thrice = Int32Array.of(a, a, a);
    const first = async (row: StepRow) =>
      tokenOf({ sampler: sampler({ outputTokenIds: thrice }), ...row });
    expect(await first({ frequencyPenalty: gap / 3 - 0.01 })).toBe(a);
    expect(await first({ frequencyPenalty: gap / 3 + 0.01 })).toBe(b);
    expect(await first({ presencePenalty: gap - 0.01 })).toBe(a);
    expect(await first({ presencePenalty: gap + 0.01 })).toBe(b);
  });

  test("does not count the prompt for presence and frequency", async () => {
    const handle = sampler({ promptTokenIds: Int32Array.of(ranked(0)) });
    expect(await tokenOf({ sampler: handle, presencePenalty: 50, frequencyPenalty: 50 })).toBe(
      ranked(0),
    );
  });

  test("divides positive logits of prompt and output by the repetition penalty", async () => {
    const [a, b, c] = [ranked(0), ranked(1), ranked(2)];
    /** The least penalty at which `winner` is sampled, by bisection. */
    const threshold = async (penalised: number[], winner: number) => {
      let [low, high] = [1, 100];
      for (let i = 0; i < 30; i++) {
        const repetitionPenalty = (low + high) / 2;
        const handle = sampler({
          promptTokenIds: Int32Array.from(penalised.slice(0, 1)),
          outputTokenIds: Int32Array.from(penalised.slice(1)),
        });
        const token = await tokenOf({ sampler: handle, repetitionPenalty });
        model.freeSampler(handle);
        if (token === winner) high = repetitionPenalty;
        else low = repetitionPenalty;
      }
      return high;
    };
    // a / r = b at the threshold, and a - b is known: that gives the logits themselves.
    const ab = await threshold([a], b);
    const logitA = ((logprobOf(a) - logprobOf(b)) * ab) / (ab - 1);
    const logitC = logitA - (logprobOf(a) - logprobOf(c));
    expect(logitC).toBeGreaterThan(0);
    expect(await threshold([a, b], c)).toBeCloseTo(logitA / logitC, 2);
  });

  test("multiplies negative logits by the repetition penalty", async () => {
    // Both far below zero and one apart: a doubled penalty moves the penalised one much further down.
    const [a, b] = [ranked(0), ranked(1)];
    const handle = sampler({
      promptTokenIds: Int32Array.of(a),
      allowedTokenIds: Int32Array.of(a, b),
      logitBiasIds: Int32Array.of(a, b),
      logitBiasValues: Float32Array.of(-50, -50 - (logprobOf(b) - logprobOf(a)) - 1),
    });
    expect(await tokenOf({ sampler: handle })).toBe(a);
    expect(await tokenOf({ sampler: handle, repetitionPenalty: 2 })).toBe(b);
  });
});

describe("a row with a NaN", () => {
  test("gives token 0 and the flag, and its step-mates keep their tokens", async () => {
    const results = await step.run([
      { tokenIds: [1, NAN_TOKEN], blockIds: [5], rows: [{ numLogprobs: 3 }, { temperature: 1 }] },
      { tokenIds: PROMPT, blockIds: [6], rows: [{ numLogprobs: 3 }] },
    ]);
    const [broken, sampled, fine] = results;
    expect(broken).toMatchObject({ tokenId: 0, logprob: 0, hasNan: true });
    expect(broken?.top.every((entry) => Number.isFinite(entry.logprob))).toBe(true);
    expect(sampled).toMatchObject({ tokenId: 0, hasNan: true });
    expect(fine).toMatchObject({ tokenId: ranked(0), rank: 1, hasNan: false });
  });
});

describe("handles", () => {
  test("start above 0, differ and can be freed once", () => {
    const [first, second] = [sampler({}), sampler({})];
    expect(first).toBeGreaterThan(0);
    expect(second).not.toBe(first);
    model.freeSampler(first);
    expect(() => model.freeSampler(first)).toThrow(
      expect.objectContaining({ code: "invalid_argument" }),
    );
    model.freeSampler(second);
  });

  test("are refused in a step once freed", async () => {
    const handle = sampler({});
    model.freeSampler(handle);
    expect(rows([{ sampler: handle }])).rejects.toMatchObject({ code: "invalid_argument" });
  });

  test("are not made for ids outside the vocabulary", () => {
    for (const id of [-1, model.info.vocabSize]) {
      for (const field of ["promptTokenIds", "outputTokenIds", "allowedTokenIds", "endTokenIds"]) {
        expect(() => sampler({ [field]: Int32Array.of(id) })).toThrow(
          expect.objectContaining({ code: "invalid_argument" }),
        );
      }
    }
  });
});
