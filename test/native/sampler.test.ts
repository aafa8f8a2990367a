// Scoring and sampling one row through step(): every expectation is computed from the logprobs that the
// addon reports for the whole vocabulary.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { excess, NAN_TOKEN, PROMPT, SampledRow } from "../support/sampled-row.ts";

let row: SampledRow;

beforeAll(async () => {
  row = await SampledRow.load();
});

afterAll(() => row?.remove());

/** Smallest set of tokens with a total probability of `topP`, most likely first. */
function nucleus(topP: number, temperature: number): number[] {
  const expected = row.probabilities(row.ranking, temperature);
  let mass = 0;
  const end = row.ranking.findIndex((id) => {
    mass += expected.get(id) ?? 0;
    return mass >= topP;
  });
  return row.ranking.slice(0, end + 1);
}

describe("scoring", () => {
  test("returns logprobs that sum to one and consistent ranks", async () => {
    const total = row.logprobs.reduce((sum, logprob) => sum + Math.exp(logprob), 0);
    expect(total).toBeCloseTo(1, 4);
    const scored = await row.sample(row.ranking.map((target) => ({ target })));
    expect(scored.map((result) => result.tokenId)).toEqual([...row.ranking]);
    expect(scored.map((result) => result.rank)).toEqual(row.ranking.map((_, i) => i + 1));
  });

  test("reports the 20 most likely tokens in order, no matter which token is sampled or scored", async () => {
    const top = row.ranking
      .slice(0, 20)
      .map((tokenId) => ({ tokenId, logprob: row.logprobOf(tokenId) }));
    const handle = row.createSampler({ allowedTokenIds: Int32Array.of(7) });
    const results = await row.sample([
      { numLogprobs: 20 },
      { numLogprobs: 20, target: 9 },
      { numLogprobs: 20, sampler: handle },
      { numLogprobs: 20, temperature: 0.3, topK: 2 },
    ]);
    for (const result of results) expect(result.top).toEqual(top);
    expect(results[2]).toMatchObject({
      tokenId: 7,
      logprob: row.logprobOf(7),
      rank: row.ranking.indexOf(7) + 1,
    });
    row.model.freeSampler(handle);
  });

  test("reports the requested number of top tokens", async () => {
    const [none, three] = await row.sample([{ numLogprobs: 0 }, { numLogprobs: 3 }]);
    expect(none?.top).toEqual([]);
    expect(none?.logprob).toBe(row.logprobOf(row.ranked(0)));
    expect(three?.top.map((entry) => entry.tokenId)).toEqual(row.ranking.slice(0, 3));
  });
});

describe("greedy sampling", () => {
  test("takes the most likely token", async () => {
    const [result] = await row.sample([{}]);
    expect(result).toMatchObject({
      tokenId: row.ranked(0),
      rank: 1,
      logprob: row.logprobOf(row.ranked(0)),
    });
  });

  test("results from a temperature below 1e-5, a top-k of 1, or a tiny top-p", async () => {
    expect(await row.tokenOf({ temperature: 1e-6 })).toBe(row.ranked(0));
    const seeds = Array.from({ length: 64 }, (_, i) => BigInt(i));
    const results = await row.sample([
      ...seeds.map((seed) => ({ temperature: 2, topK: 1, seed })),
      ...seeds.map((seed) => ({ temperature: 2, topP: 1e-6, seed })),
      ...seeds.map((seed) => ({ temperature: 2, minP: 1, seed })),
    ]);
    expect(new Set(results.map((result) => result.tokenId))).toEqual(new Set([row.ranked(0)]));
  });
});

describe("random sampling", () => {
  for (const temperature of [0.5, 1, 2]) {
    test(`draws from the softmax at temperature ${temperature}`, async () => {
      const counts = await row.draw({ temperature, seed: 11n });
      expect(excess(counts, row.probabilities(row.ranking, temperature))).toBeLessThan(4);
    });
  }

  test("keeps the top-k most likely tokens, renormalized", async () => {
    const expected = row.probabilities(row.ranking.slice(0, 5), 1.5);
    const counts = await row.draw({ temperature: 1.5, topK: 5, seed: 12n });
    expect(new Set(counts.keys())).toEqual(new Set(expected.keys()));
    expect(excess(counts, expected)).toBeLessThan(4);
  });

  test("treats a top-k of 0, of -1, or above the vocabulary size as no limit", async () => {
    const all = await row.draw({ temperature: 1, seed: 13n });
    for (const topK of [-1, row.model.info.vocabSize, 100000]) {
      expect(await row.draw({ temperature: 1, topK, seed: 13n })).toEqual(all);
    }
  });

  for (const topP of [0.3, 0.9]) {
    test(`keeps the smallest set that reaches a top-p of ${topP}`, async () => {
      const kept = nucleus(topP, 1);
      const counts = await row.draw({ temperature: 1, topP, seed: 14n });
      expect([...counts.keys()].filter((id) => !kept.includes(id))).toEqual([]);
      expect(excess(counts, row.probabilities(kept, 1))).toBeLessThan(4);
    });
  }

  test("keeps tokens with at least min-p times the highest probability", async () => {
    const bound = row.logprobOf(row.ranked(0)) + Math.log(0.2);
    const kept = row.ranking.filter((id) => row.logprobOf(id) >= bound);
    expect(kept.length).toBeGreaterThan(1);
    const counts = await row.draw({ temperature: 1, minP: 0.2, seed: 15n });
    expect([...counts.keys()].filter((id) => !kept.includes(id))).toEqual([]);
    expect(excess(counts, row.probabilities(kept, 1))).toBeLessThan(4);
  });

  test("applies min-p after top-k", async () => {
    const bound = row.logprobOf(row.ranked(0)) + Math.log(0.2);
    const kept = row.ranking.filter((id) => row.logprobOf(id) >= bound);
    const counts = await row.draw({ temperature: 1, topK: 200, minP: 0.2, seed: 17n });
    expect([...counts.keys()].filter((id) => !kept.includes(id))).toEqual([]);
    const two = await row.draw({ temperature: 1, topK: 2, minP: 0.01, seed: 17n });
    expect(excess(two, row.probabilities(row.ranking.slice(0, 2), 1))).toBeLessThan(4);
  });

  test("applies top-p after top-k", async () => {
    const topK = row.ranking.slice(0, 4);
    const [first = 0, second = 0] = row.probabilities(topK, 1).values();
    const twoShare = first + second;
    const counts = await row.draw({ temperature: 1, topK: 4, topP: twoShare - 1e-4, seed: 16n });
    expect(new Set(counts.keys())).toEqual(new Set(topK.slice(0, 2)));
  });
});

describe("seeds", () => {
  const seeded = { temperature: 1.3, topP: 0.95, seed: 0x1234_5678_9abc_def0n };

  test("yield the same tokens whether a row runs by itself or in a batch", async () => {
    const alone: number[] = [];
    for (let outputIndex = 0; outputIndex < 8; outputIndex++) {
      alone.push(await row.tokenOf({ ...seeded, outputIndex }));
    }
    const others = { temperature: 1, seed: 5n };
    const batched = await row.step.run([
      { tokenIds: [1, 260, 261], blockIds: [2], rows: [others, others] },
      {
        tokenIds: PROMPT,
        blockIds: [3],
        rows: alone.flatMap((_, outputIndex) => [{ ...seeded, outputIndex }, others]),
      },
      { tokenIds: [1, 262], blockIds: [4], rows: [{ ...others, topK: 3 }] },
    ]);
    const own = batched.filter((_, i) => i >= 2 && i % 2 === 0 && i < 18);
    expect(own.map((result) => result.tokenId)).toEqual(alone);
  });

  test("affect the result through every bit", async () => {
    const results = await row.sample(
      Array.from({ length: 64 }, (_, bit) => ({
        ...seeded,
        seed: seeded.seed ^ (1n << BigInt(bit)),
      })),
    );
    // If the seed were ignored, every row would yield the same one of 298 tokens.
    expect(new Set(results.map((result) => result.tokenId)).size).toBeGreaterThan(10);
    const high = results.slice(32).map((result) => result.tokenId);
    expect(new Set(high).size).toBeGreaterThan(5);
  });

  test("do not yield shifted copies of a sequence if they are consecutive", async () => {
    const indices = Array.from({ length: 32 }, (_, outputIndex) => outputIndex);
    const of = async (seed: bigint) =>
      (await row.sample(indices.map((outputIndex) => ({ ...seeded, seed, outputIndex })))).map(
        (r) => r.tokenId,
      );
    const [first, second] = [await of(100n), await of(101n)];
    expect(second.slice(0, -1)).not.toEqual(first.slice(1));
    expect(second.slice(1)).not.toEqual(first.slice(0, -1));
  });
});

describe("a row with a NaN", () => {
  test("returns token 0 and the flag, without affecting other rows", async () => {
    const results = await row.step.run([
      { tokenIds: [1, NAN_TOKEN], blockIds: [5], rows: [{ numLogprobs: 3 }, { temperature: 1 }] },
      { tokenIds: PROMPT, blockIds: [6], rows: [{ numLogprobs: 3 }] },
    ]);
    const [broken, sampled, fine] = results;
    expect(broken).toMatchObject({ tokenId: 0, logprob: 0, hasNan: true });
    expect(broken?.top.every((entry) => Number.isFinite(entry.logprob))).toBe(true);
    expect(sampled).toMatchObject({ tokenId: 0, hasNan: true });
    expect(fine).toMatchObject({ tokenId: row.ranked(0), rank: 1, hasNan: false });
  });
});
