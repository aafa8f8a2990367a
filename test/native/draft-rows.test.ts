// Runs of rows that verify drafts: rows are sampled in order up to the first token that differs from its draft.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { PROMPT, SampledRow } from "../support/sampled-row.ts";

let row: SampledRow;
beforeAll(async () => {
  row = await SampledRow.load();
});
afterAll(() => row?.remove());

/** Greedy continuation of PROMPT, computed one token at a time. */
async function continuation(length: number): Promise<number[]> {
  const tokens: number[] = [];
  for (let i = 0; i < length; i++) {
    const tokenIds = [...PROMPT, ...tokens];
    const [result] = await row.step.run([{ tokenIds, blockIds: [1, 2], rows: [{}] }]);
    tokens.push(result?.tokenId ?? -1);
  }
  return tokens;
}

/** Samples after PROMPT and after each draft. */
async function verify(drafts: readonly number[], sampler = 0, frequencyPenalty = 0) {
  const rows = [...drafts, -1].map((expected, i) => ({
    ...{ token: PROMPT.length - 1 + i, expected, sampler, frequencyPenalty, numLogprobs: 1 },
  }));
  return row.step.run([{ tokenIds: [...PROMPT, ...drafts], blockIds: [1, 2], rows }]);
}

describe("a run of rows", () => {
  test("ends after the first token that differs from its draft", async () => {
    const [a = 0, b = 0, c = 0] = await continuation(3);
    const tokensOf = async (...drafts: number[]) =>
      (await verify(drafts)).map(({ tokenId }) => tokenId);
    expect(await tokensOf(a, b)).toEqual([a, b, c]);
    expect(await tokensOf(a, (b + 1) % 256)).toEqual([a, b, -1]);
    expect(await tokensOf((a + 1) % 256, b)).toEqual([a, -1, -1]);
  });

  test("reports zeros for rows that are not sampled", async () => {
    const [a = 0] = await continuation(1);
    const results = await verify([(a + 1) % 256]);
    expect(results[1]).toEqual({
      ...{ tokenId: -1, logprob: 0, rank: 0, hasNan: false, isRefused: false, isDropped: false },
      top: [{ tokenId: 0, logprob: 0 }],
    });
  });

  test("counts only the tokens of rows that are sampled", async () => {
    const [a = 0, b = 0] = await continuation(2);
    const handle = row.createSampler({});
    await verify([(a + 1) % 256, b], handle);
    const [next] = await verify([], handle, 100);
    expect(next?.tokenId).toBe(row.ranked(1));
  });
});
