// Values that a sampled row reports: log-probabilities or logits, either unmodified or from the row that the token
// was drawn from.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { FLAG_REPORT_LOGITS, FLAG_REPORT_PROCESSED } from "../../src/runner/addon-types.ts";
import { SampledRow } from "../support/sampled-row.ts";

const EXCLUDED = -9999;

let row: SampledRow;

beforeAll(async () => {
  row = await SampledRow.load();
});

afterAll(() => row?.remove());

describe("logits", () => {
  test("differ from log-probabilities by the same amount for every token", async () => {
    const [result] = await row.sample([{ flags: FLAG_REPORT_LOGITS, numLogprobs: 20 }]);
    const shift = (result?.logprob ?? 0) - row.logprobOf(row.ranked(0));
    for (const { tokenId, logprob } of result?.top ?? []) {
      expect(logprob - row.logprobOf(tokenId)).toBeCloseTo(shift, 4);
    }
    expect(shift).not.toBeCloseTo(0, 1);
  });

  test("are not reported for a scored token", async () => {
    const target = row.ranked(4);
    const [result] = await row.sample([{ flags: FLAG_REPORT_LOGITS, target, numLogprobs: 0 }]);
    expect(result?.logprob).toBe(row.logprobOf(target));
  });
});

describe("processed log-probabilities", () => {
  const flags = FLAG_REPORT_PROCESSED;

  test("are those of the unmodified row if nothing modifies it", async () => {
    const [raw, processed] = await row.sample([{ numLogprobs: 5 }, { flags, numLogprobs: 5 }]);
    expect(processed).toEqual(raw as NonNullable<typeof raw>);
  });

  test("show only allowed tokens, ranked among themselves", async () => {
    const allowed = [row.ranked(3), row.ranked(9)];
    const sampler = row.createSampler({ allowedTokenIds: Int32Array.from(allowed) });
    const [result] = await row.sample([{ flags, sampler, numLogprobs: 3 }]);
    const [first = 0, second = 0] = [...row.probabilities(allowed, 1).values()].map(Math.log);
    expect(result?.rank).toBe(1);
    expect(result?.logprob).toBeCloseTo(first, 4);
    expect(result?.top.map(({ tokenId }) => tokenId).slice(0, 2)).toEqual(allowed);
    expect(result?.top[1]?.logprob).toBeCloseTo(second, 4);
    expect(result?.top[2]?.logprob).toBe(EXCLUDED);
  });

  test("include a random row's temperature and cuts", async () => {
    const kept = row.ranking.slice(0, 3);
    const cut = { temperature: 0.5, topK: 3, seed: 5n };
    const [result] = await row.sample([{ flags, ...cut, numLogprobs: 4 }]);
    const expected = [...row.probabilities(kept, 0.5).values()].map(Math.log);
    expect(kept).toContain(result?.tokenId as number);
    expected.forEach((value, i) => {
      expect(result?.top[i]?.logprob).toBeCloseTo(value, 4);
    });
    expect(result?.top[3]?.logprob).toBe(EXCLUDED);
  });

  test("do not include a greedy row's temperature", async () => {
    const [result] = await row.sample([{ flags, temperature: 1e-6, numLogprobs: 0 }]);
    expect(result?.logprob).toBeCloseTo(row.logprobOf(row.ranked(0)), 5);
  });

  test("do not change the sampled token", async () => {
    for (const cut of [{}, { temperature: 1 }, { temperature: 2, topP: 0.8, minP: 0.01 }]) {
      const [raw, processed] = await row.sample([
        { ...cut, seed: 8n, numLogprobs: 0 },
        { ...cut, seed: 8n, numLogprobs: 0, flags },
      ]);
      expect(processed?.tokenId).toBe(raw?.tokenId as number);
    }
  });
});

describe("processed logits", () => {
  const flags = FLAG_REPORT_PROCESSED | FLAG_REPORT_LOGITS;

  test("include a bias", async () => {
    const id = row.ranked(2);
    const sampler = row.createSampler({
      logitBiasIds: Int32Array.of(id),
      logitBiasValues: Float32Array.of(50),
    });
    const [biased] = await row.sample([{ flags, sampler, numLogprobs: 0 }]);
    const [raw] = await row.sample([{ flags: FLAG_REPORT_LOGITS, sampler, numLogprobs: 0 }]);
    expect(biased?.tokenId).toBe(id);
    expect((biased?.logprob ?? 0) - (raw?.logprob ?? 0)).toBeCloseTo(50, 3);
  });
});
