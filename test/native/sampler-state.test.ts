// A sampler handle's effects on a row: bias, allowed ids, banned end tokens, penalties and counts.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { FLAG_BAN_END } from "../../src/runner/addon-types.ts";
import type { StepRow } from "../support/native-step.ts";
import { excess, SampledRow } from "../support/sampled-row.ts";

let row: SampledRow;

beforeAll(async () => {
  row = await SampledRow.load();
});

afterAll(() => row?.remove());

describe("sampler state", () => {
  test("forces a token with a bias of 100 and removes one with -100", async () => {
    const forced = row.createSampler({
      logitBiasIds: Int32Array.of(42),
      logitBiasValues: Float32Array.of(100),
    });
    const removed = row.createSampler({
      logitBiasIds: Int32Array.of(row.ranked(0)),
      logitBiasValues: Float32Array.of(-100),
    });
    expect(await row.tokenOf({ sampler: forced })).toBe(42);
    expect(await row.tokenOf({ sampler: forced, temperature: 1 })).toBe(42);
    expect(await row.tokenOf({ sampler: removed })).toBe(row.ranked(1));
  });

  test("adds a bias to the logit, so odds change by its exponential", async () => {
    const [a, b] = [row.ranked(0), row.ranked(1)];
    const gap = row.logprobOf(a) - row.logprobOf(b);
    const bias = (values: number[]) => ({
      logitBiasIds: Int32Array.of(b),
      logitBiasValues: Float32Array.from(values),
    });
    expect(await row.tokenOf({ sampler: row.createSampler(bias([gap - 0.01])) })).toBe(a);
    expect(await row.tokenOf({ sampler: row.createSampler(bias([gap + 0.01])) })).toBe(b);
  });

  test("samples only allowed IDs, in their original proportions", async () => {
    const allowed = [row.ranked(3), row.ranked(10), row.ranked(100)];
    const handle = row.createSampler({ allowedTokenIds: Int32Array.from(allowed) });
    expect(await row.tokenOf({ sampler: handle })).toBe(row.ranked(3));
    const counts = await row.draw({ sampler: handle, temperature: 1, seed: 21n });
    expect(excess(counts, row.probabilities(allowed, 1))).toBeLessThan(4);
    expect([...counts.keys()].every((id) => allowed.includes(id))).toBe(true);
  });

  test("bans end tokens if the row's flag is set, regardless of their bias", async () => {
    const handle = row.createSampler({
      endTokenIds: Int32Array.of(row.ranked(0), row.ranked(1)),
      logitBiasIds: Int32Array.of(row.ranked(1)),
      logitBiasValues: Float32Array.of(100),
    });
    expect(await row.tokenOf({ sampler: handle })).toBe(row.ranked(1));
    expect(await row.tokenOf({ sampler: handle, flags: FLAG_BAN_END })).toBe(row.ranked(2));
  });

  test("falls back to the most likely token if none is allowed", async () => {
    const only = Int32Array.of(row.ranked(5));
    const handle = row.createSampler({ allowedTokenIds: only, endTokenIds: only });
    expect(await row.tokenOf({ sampler: handle, flags: FLAG_BAN_END })).toBe(row.ranked(0));
    expect(await row.tokenOf({ sampler: handle, flags: FLAG_BAN_END, temperature: 2 })).toBe(
      row.ranked(0),
    );
  });

  test("never completes a bad word, but generates its tokens elsewhere", async () => {
    const [first, second, third] = [row.ranked(0), row.ranked(1), row.ranked(2)];
    const handle = row.createSampler({
      badWordIds: Int32Array.of(second, first, first, second),
      badWordStarts: Int32Array.of(0, 1, 4),
    });
    // The words are [second] and [first, first, second].
    const bias = { logitBiasIds: Int32Array.of(third), logitBiasValues: Float32Array.of(0) };
    expect(await row.tokenOf({ sampler: handle })).toBe(first);
    const pair = row.createSampler({
      ...bias,
      badWordIds: Int32Array.of(first, first),
      badWordStarts: Int32Array.of(0, 2),
    });
    const sampled: number[] = [];
    for (let i = 0; i < 4; i++) sampled.push(await row.tokenOf({ sampler: pair }));
    expect(sampled).toEqual([first, second, first, second]);
  });

  test("counts the tokens generated before the state was created toward a bad word", async () => {
    const handle = row.createSampler({
      outputTokenIds: Int32Array.of(9, row.ranked(3)),
      promptTokenIds: Int32Array.of(row.ranked(4)),
      badWordIds: Int32Array.of(row.ranked(3), row.ranked(0), row.ranked(4), row.ranked(1)),
      badWordStarts: Int32Array.of(0, 2, 4),
    });
    expect(await row.tokenOf({ sampler: handle })).toBe(row.ranked(1));
  });

  test("generates a bad word if no other token is allowed", async () => {
    const handle = row.createSampler({
      allowedTokenIds: Int32Array.of(row.ranked(5)),
      badWordIds: Int32Array.of(row.ranked(5)),
      badWordStarts: Int32Array.of(0, 1),
    });
    expect(await row.tokenOf({ sampler: handle })).toBe(row.ranked(5));
  });

  test("counts sampled tokens: a heavy frequency penalty walks down the row's ranking", async () => {
    const handle = row.createSampler({});
    const seen: number[] = [];
    for (let i = 0; i < 5; i++)
      seen.push(await row.tokenOf({ sampler: handle, frequencyPenalty: 100 }));
    expect(seen).toEqual(row.ranking.slice(0, 5));
  });

  test("does not count a scored token", async () => {
    const handle = row.createSampler({});
    await row.sample([{ sampler: handle, target: row.ranked(0) }]);
    expect(await row.tokenOf({ sampler: handle, presencePenalty: 100 })).toBe(row.ranked(0));
  });

  test("penalizes frequency per occurrence and presence once", async () => {
    const [a, b] = [row.ranked(0), row.ranked(1)];
    const gap = row.logprobOf(a) - row.logprobOf(b);
    const thrice = Int32Array.of(a, a, a);
    const first = async (penalty: StepRow) =>
      row.tokenOf({ sampler: row.createSampler({ outputTokenIds: thrice }), ...penalty });
    expect(await first({ frequencyPenalty: gap / 3 - 0.01 })).toBe(a);
    expect(await first({ frequencyPenalty: gap / 3 + 0.01 })).toBe(b);
    expect(await first({ presencePenalty: gap - 0.01 })).toBe(a);
    expect(await first({ presencePenalty: gap + 0.01 })).toBe(b);
  });

  test("does not count prompt tokens for presence and frequency penalties", async () => {
    const handle = row.createSampler({ promptTokenIds: Int32Array.of(row.ranked(0)) });
    expect(await row.tokenOf({ sampler: handle, presencePenalty: 50, frequencyPenalty: 50 })).toBe(
      row.ranked(0),
    );
  });

  test("divides positive logits of prompt and output tokens by the repetition penalty", async () => {
    const [a, b, c] = [row.ranked(0), row.ranked(1), row.ranked(2)];
    /** Smallest penalty at which `winner` is sampled, by bisection. */
    const threshold = async (penalized: number[], winner: number) => {
      let [low, high] = [1, 100];
      for (let i = 0; i < 30; i++) {
        const repetitionPenalty = (low + high) / 2;
        const handle = row.createSampler({
          promptTokenIds: Int32Array.from(penalized.slice(0, 1)),
          outputTokenIds: Int32Array.from(penalized.slice(1)),
        });
        const token = await row.tokenOf({ sampler: handle, repetitionPenalty });
        row.model.freeSampler(handle);
        if (token === winner) high = repetitionPenalty;
        else low = repetitionPenalty;
      }
      return high;
    };
    // a / r = b at the threshold, and a - b is known, which yields the logits themselves.
    const ab = await threshold([a], b);
    const logitA = ((row.logprobOf(a) - row.logprobOf(b)) * ab) / (ab - 1);
    const logitC = logitA - (row.logprobOf(a) - row.logprobOf(c));
    expect(logitC).toBeGreaterThan(0);
    expect(await threshold([a, b], c)).toBeCloseTo(logitA / logitC, 2);
  });

  test("multiplies negative logits by the repetition penalty", async () => {
    // Both logits are far below zero and 1 apart, so doubling the penalized one moves it far below the other.
    const [a, b] = [row.ranked(0), row.ranked(1)];
    const handle = row.createSampler({
      promptTokenIds: Int32Array.of(a),
      allowedTokenIds: Int32Array.of(a, b),
      logitBiasIds: Int32Array.of(a, b),
      logitBiasValues: Float32Array.of(-50, -50 - (row.logprobOf(b) - row.logprobOf(a)) - 1),
    });
    expect(await row.tokenOf({ sampler: handle })).toBe(a);
    expect(await row.tokenOf({ sampler: handle, repetitionPenalty: 2 })).toBe(b);
  });
});

const ID_FIELDS = [
  "promptTokenIds",
  "outputTokenIds",
  "allowedTokenIds",
  "endTokenIds",
  "badWordIds",
] as const;

describe("handles", () => {
  test("start above 0, are unique and can be freed once", () => {
    const [first, second] = [row.createSampler({}), row.createSampler({})];
    expect(first).toBeGreaterThan(0);
    expect(second).not.toBe(first);
    row.model.freeSampler(first);
    expect(() => row.model.freeSampler(first)).toThrow(
      expect.objectContaining({ code: "invalid_argument" }),
    );
    row.model.freeSampler(second);
  });

  test("are refused in a step once freed", async () => {
    const handle = row.createSampler({});
    row.model.freeSampler(handle);
    await expect(row.sample([{ sampler: handle }])).rejects.toMatchObject({
      code: "invalid_argument",
    });
  });

  test("are not created for IDs outside the vocabulary", () => {
    for (const id of [-1, row.model.info.vocabSize]) {
      for (const field of ID_FIELDS) {
        expect(() => row.createSampler({ [field]: Int32Array.of(id) })).toThrow(
          expect.objectContaining({ code: "invalid_argument" }),
        );
      }
    }
  });
});
