// Capacity for a step's results: usually constant, larger for whole-vocabulary logprobs, then reduced
// again.

import { describe, expect, test } from "bun:test";
import {
  FAULT_NAN,
  FAULT_REFUSED,
  FLAG_BAN_END,
  FLAG_REPORT_LOGITS,
  FLAG_REPORT_PROCESSED,
} from "../../src/runner/addon-types.ts";
import { StepPacker } from "../../src/runner/step-batch.ts";
import { planOf } from "../support/drive.ts";
import { makeRequest } from "../support/make-request.ts";

const LIMITS = { blockSize: 16, maxNumSeqs: 8, maxNumBatchedTokens: 32, maxModelLen: 64 };
const USUAL = 32 * 20;

describe("a request that the addon cannot serve", () => {
  const packer = new StepPacker(LIMITS);
  const plan = planOf([{ request: makeRequest("a", 2), blocks: [1] }], 16);

  test("is rejected before the step is packed: a pooled output", () => {
    const scheduled = plan.scheduled.map((entry) => ({ ...entry, output: "pooled" as const }));
    expect(() => packer.pack({ ...plan, scheduled }, () => 0)).toThrow(
      "the addon does not support pooling",
    );
    expect(packer.batch.numSeqs).toBe(0);
  });
});

test("tokens from an adapter's start position on have that adapter's slot, drafts included", () => {
  const packer = new StepPacker(LIMITS);
  const adapted = makeRequest("a", [5, 6, 7]);
  adapted.adapterStart = 2;
  const whole = makeRequest("b", 2);
  whole.adapterStart = 0;
  const never = makeRequest("c", 2);
  never.adapterStart = Number.POSITIVE_INFINITY;
  const parts = [
    { request: adapted, blocks: [1], drafts: [8], adapterSlot: 3 },
    { request: whole, blocks: [2], adapterSlot: 0 },
    { request: never, blocks: [3], adapterSlot: 1 },
    { request: makeRequest("d", 1), blocks: [4] },
  ];
  packer.pack(planOf(parts, 16), () => 0);
  const slots = packer.batch.adapterSlots.subarray(0, packer.batch.numTokens);
  expect([...slots]).toEqual([-1, -1, 3, 3, 0, 0, -1, -1, -1]);
});

describe("a request with drafts", () => {
  const packer = new StepPacker(LIMITS);
  const request = makeRequest("drafted", [5, 6, 7], { params: { minTokens: 2, logprobs: 0 } });
  const parts = [
    { request, blocks: [1], drafts: [8, 9] },
    { request: makeRequest("b", 2), blocks: [2] },
  ];
  const plan = planOf(parts, 16);
  packer.pack(plan, () => 3);
  const { batch, output } = packer;
  const of = (array: Int32Array | Uint32Array) => [...array.subarray(0, batch.numOutputs)];

  test("is packed with a row after the last known token and after each draft", () => {
    expect([...batch.tokens.subarray(0, 5)]).toEqual([5, 6, 7, 8, 9]);
    expect(of(batch.outputRows)).toEqual([2, 3, 4, 6]);
    expect(of(batch.expectedTokens)).toEqual([8, 9, -1, -1]);
    expect(of(batch.outputIndex)).toEqual([0, 1, 2, 0]);
    expect(of(batch.flags)).toEqual([FLAG_BAN_END, FLAG_BAN_END, 0, 0]);
    expect(of(batch.sampler)).toEqual([3, 3, 3, 3]);
  });

  test.each([
    ["all rows", [8, 9, 10], [8, 9, 10]],
    ["the rows before the one that was not sampled", [8, 4, -1], [8, 4]],
  ])("gets the tokens from %s", (_, rows, taken) => {
    output.tokenIds.set([...rows, 11]);
    const { results } = packer.unpack(plan);
    expect(results.map(({ tokenIds }) => tokenIds)).toEqual([taken, [11]]);
    expect(results[0]?.logprobs?.map(({ chosen }) => chosen.tokenId)).toEqual(taken);
  });

  test("is refused or marked as corrupted only because of a row that was sampled", () => {
    output.tokenIds.set([8, 0, -1, 11]);
    output.rowFaults.set([0, FAULT_NAN | FAULT_REFUSED, 0, 0]);
    const [drafted, other] = packer.unpack(plan).results;
    expect([drafted?.isCorrupted, drafted?.isRefused]).toEqual([true, true]);
    expect([other?.isCorrupted, other?.isRefused]).toEqual([false, false]);
  });
});

describe("a row's flags", () => {
  test.each([
    ["raw_logprobs", 0],
    ["raw_logits", FLAG_REPORT_LOGITS],
    ["processed_logprobs", FLAG_REPORT_PROCESSED],
    ["processed_logits", FLAG_REPORT_PROCESSED | FLAG_REPORT_LOGITS],
  ] as const)("determine what %s reports, and whether the text may end", (logprobsMode, flags) => {
    const packer = new StepPacker(LIMITS);
    const flagsOf = (minTokens: number) => {
      const params = { logprobsMode, minTokens, logprobs: 0 };
      packer.pack(planOf([{ request: makeRequest("a", 2, { params }), blocks: [1] }], 16), () => 0);
      return packer.batch.flags[0];
    };
    expect([flagsOf(0), flagsOf(1)]).toEqual([flags, flags | FLAG_BAN_END]);
  });
});

describe("a step's most likely tokens", () => {
  const packer = new StepPacker(LIMITS);
  const planFor = (...counts: (number | null)[]) => {
    const parts = counts.map((logprobs, i) => ({
      request: makeRequest(String(i), 2, { params: { logprobs } }),
      blocks: [i + 1],
    }));
    return planOf(parts, 16);
  };

  test("are stored row by row, with the number that each row requests", () => {
    const plan = planFor(2, null, 0, 1);
    packer.pack(plan, () => 0);
    expect([...packer.batch.numLogprobs.subarray(0, 4)]).toEqual([2, -1, 0, 1]);
    const { output } = packer;
    expect(output.topIds).toHaveLength(USUAL);
    output.tokenIds.set([7, 8, 9, 10]);
    output.topIds.set([7, 5, 4]);
    output.topLogprobs.set([-0.5, -1, -0.25]);
    const tops = packer.unpack(plan).results.map(({ logprobs }) => logprobs?.[0]?.top ?? null);
    expect(tops).toEqual([
      [
        { tokenId: 7, logprob: -0.5, rank: 1 },
        { tokenId: 5, logprob: -1, rank: 2 },
      ],
      null,
      [],
      [{ tokenId: 4, logprob: -0.25, rank: 1 }],
    ]);
  });

  test("get more capacity if needed, until the next step", () => {
    packer.pack(planFor(500, 300), () => 0);
    expect([packer.output.topIds.length, packer.output.topLogprobs.length]).toEqual([800, 800]);
    packer.pack(planFor(3), () => 0);
    expect([packer.output.topIds.length, packer.output.topLogprobs.length]).toEqual([USUAL, USUAL]);
  });
});
