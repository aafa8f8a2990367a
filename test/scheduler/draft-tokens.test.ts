// Draft tokens: which of them a step verifies and accepts, and the state after it rejects some.
// Blocks have 16 tokens; their ids are 1, 2, 3, ...

import { describe, expect, test } from "bun:test";
import type { Request } from "../../src/request/request.ts";
import type { Scheduler } from "../../src/scheduler/scheduler.ts";
import type { StepPlan } from "../../src/scheduler/scheduler-output.ts";
import { EOS, makeRequest, makeResult, makeScheduler, step } from "../support/make-request.ts";

/** Adds a request that has sampled its first token, 7, which the next step computes. */
function decoding(scheduler: Scheduler, numPromptTokens: number, params = {}): Request {
  const request = makeRequest("a", numPromptTokens, { params: { maxTokens: 100, ...params } });
  scheduler.add(request);
  step(scheduler);
  return request;
}

/** Id, first position, number of tokens, number of drafts, and block ids of each planned request. */
const drafted = ({ scheduled }: StepPlan) =>
  scheduled.map((entry) => [
    entry.request.requestId,
    entry.numComputedTokens,
    entry.numScheduledTokens,
    entry.numDraftTokens,
    [...entry.blockIds],
  ]);

/** Runs one step in which every request samples these tokens. */
function stepSampling(scheduler: Scheduler, tokenIds: readonly number[]) {
  const plan = scheduler.schedule();
  return scheduler.update(
    plan,
    makeResult(plan, () => tokenIds),
  );
}

const state = ({ numTokens, numComputedTokens, draftTokenIds }: Request) => ({
  numTokens,
  numComputedTokens,
  drafts: draftTokenIds.length,
});

describe("a step verifies draft tokens", () => {
  test("after the last known token", () => {
    const scheduler = makeScheduler();
    const request = decoding(scheduler, 20);
    request.draftTokenIds = [1, 2, 3];
    const plan = scheduler.schedule();
    expect(drafted(plan)).toEqual([["a", 20, 4, 3, [1, 2]]]);
    expect(plan.numScheduledTokens).toBe(4);
    expect(plan.scheduled[0]?.output).toBe("tokens");
  });

  test("after the end of a prompt, but not after a partial prompt", () => {
    const scheduler = makeScheduler({ maxNumBatchedTokens: 16 });
    const request = makeRequest("a", 20);
    request.draftTokenIds = [1, 2, 3];
    scheduler.add(request);
    expect(drafted(step(scheduler))).toEqual([["a", 0, 16, 0, [1]]]);
    expect(drafted(step(scheduler))).toEqual([["a", 16, 7, 3, [1, 2]]]);
  });

  test("in new blocks if the last one is full", () => {
    const scheduler = makeScheduler();
    decoding(scheduler, 30).draftTokenIds = [1, 2, 3];
    expect(drafted(scheduler.schedule())).toEqual([["a", 30, 4, 3, [1, 2, 3]]]);
  });
});

describe("draft tokens are limited", () => {
  test("by the budget left after all known tokens of running and new requests", () => {
    const scheduler = makeScheduler({ maxNumBatchedTokens: 20 });
    const request = decoding(scheduler, 20);
    scheduler.add(makeRequest("b", 17, { cacheSalt: "b" }));
    request.draftTokenIds = [1, 2, 3];
    expect(drafted(scheduler.schedule())).toEqual([
      ["a", 20, 3, 2, [1, 2]],
      ["b", 0, 17, 0, [3, 4]],
    ]);
  });

  test("to zero by a prompt that uses up the budget", () => {
    const scheduler = makeScheduler({ maxNumBatchedTokens: 20 });
    const request = decoding(scheduler, 20);
    scheduler.add(makeRequest("b", 40, { cacheSalt: "b" }));
    request.draftTokenIds = [1, 2, 3];
    expect(drafted(scheduler.schedule())).toEqual([
      ["a", 20, 1, 0, [1, 2]],
      ["b", 0, 19, 0, [3, 4]],
    ]);
  });

  test("by the limit on a request's tokens per step", () => {
    const scheduler = makeScheduler({ longPrefillTokenThreshold: 3 });
    const request = makeRequest("a", 3);
    scheduler.add(request);
    step(scheduler);
    request.draftTokenIds = [1, 2, 3];
    expect(drafted(scheduler.schedule())).toEqual([["a", 3, 3, 2, [1]]]);
  });

  test("by the number of free blocks, and no request is preempted for them", () => {
    const scheduler = makeScheduler({ numBlocks: 4 });
    const request = decoding(scheduler, 30);
    scheduler.add(makeRequest("b", 4, { cacheSalt: "b", params: { maxTokens: 9 } }));
    step(scheduler);
    request.draftTokenIds = [1, 2, 3];
    expect(drafted(scheduler.schedule())).toEqual([
      ["a", 31, 1, 0, [1, 2]],
      ["b", 4, 1, 0, [3]],
    ]);
    expect(scheduler.takeStats().numPreemptedReqs).toBe(0);
  });

  test("by maxTokens and maxModelLen, with room for one more token", () => {
    const byTokens = makeScheduler();
    decoding(byTokens, 4, { maxTokens: 4 }).draftTokenIds = [1, 2, 3, 4];
    expect(drafted(byTokens.schedule())).toEqual([["a", 4, 3, 2, [1]]]);
    const byContext = makeScheduler({ maxModelLen: 7 });
    decoding(byContext, 4).draftTokenIds = [1, 2, 3, 4];
    expect(drafted(byContext.schedule())).toEqual([["a", 4, 2, 1, [1]]]);
    const full = makeScheduler({ maxModelLen: 4 });
    const whole = makeRequest("a", 4);
    whole.draftTokenIds = [1, 2];
    full.add(whole);
    expect(drafted(full.schedule())).toEqual([["a", 0, 4, 0, [1]]]);
  });

  test("to zero in a step with a preemption, including the preempted request's drafts", () => {
    const scheduler = makeScheduler({ numBlocks: 5 });
    const first = makeRequest("a", 32);
    const victim = makeRequest("b", 32, { cacheSalt: "b" });
    scheduler.add(first);
    scheduler.add(victim);
    step(scheduler);
    first.draftTokenIds = [1, 2];
    victim.draftTokenIds = [1, 2];
    expect(drafted(step(scheduler))).toEqual([["a", 32, 1, 0, [1, 2, 4]]]);
    expect(victim).toMatchObject({ status: "PREEMPTED", draftTokenIds: [] });
  });
});

describe("the result of a step with draft tokens", () => {
  test("includes all drafts and one more token", () => {
    const scheduler = makeScheduler();
    const request = decoding(scheduler, 20);
    request.draftTokenIds = [1, 2, 3];
    expect(stepSampling(scheduler, [1, 2, 3, 4])).toMatchObject([{ tokenIds: [1, 2, 3, 4] }]);
    expect(state(request)).toEqual({ numTokens: 25, numComputedTokens: 24, drafts: 0 });
    expect(drafted(scheduler.schedule())).toEqual([["a", 24, 1, 0, [1, 2]]]);
  });

  test("ends with the first token that differs; later positions are computed again", () => {
    const scheduler = makeScheduler();
    const request = decoding(scheduler, 20);
    request.draftTokenIds = [1, 2, 3];
    expect(stepSampling(scheduler, [1, 9])).toMatchObject([{ tokenIds: [1, 9] }]);
    expect(state(request)).toEqual({ numTokens: 23, numComputedTokens: 22, drafts: 0 });
    expect([...request.tokenIds(20)]).toEqual([7, 1, 9]);
    expect(drafted(scheduler.schedule())).toEqual([["a", 22, 1, 0, [1, 2]]]);
  });

  test("frees blocks that hold only rejected tokens", () => {
    const scheduler = makeScheduler();
    const request = decoding(scheduler, 30);
    request.draftTokenIds = Array.from({ length: 20 }, () => 1);
    expect(drafted(scheduler.schedule())).toEqual([["a", 30, 21, 20, [1, 2, 3, 4]]]);
    const rejected = makeScheduler();
    decoding(rejected, 30).draftTokenIds = Array.from({ length: 20 }, () => 1);
    stepSampling(rejected, [9]);
    expect(rejected.kvCache.pool.numFree).toBe(62);
    const partly = makeScheduler();
    decoding(partly, 30).draftTokenIds = Array.from({ length: 20 }, () => 1);
    stepSampling(partly, [1, 1, 9]);
    expect(partly.kvCache.pool.numFree).toBe(61);
    for (const { kvCache } of [rejected, partly]) kvCache.checkIntegrity();
  });

  test("is truncated after a token that ends the request", () => {
    const scheduler = makeScheduler();
    const request = decoding(scheduler, 20, { stopTokenIds: [5] });
    request.draftTokenIds = [1, 5, 3];
    const [sampled] = stepSampling(scheduler, [1, 5, 3, 4]);
    expect(sampled).toMatchObject({ tokenIds: [1, 5], stopReason: 5 });
    expect(request.status).toBe("FINISHED_STOPPED");
    expect([...request.tokenIds(20)]).toEqual([7, 1, 5]);
    expect(scheduler.kvCache.pool.usage).toBe(0);
  });

  test("has its logprobs truncated along with the tokens", () => {
    const scheduler = makeScheduler();
    decoding(scheduler, 20).draftTokenIds = [EOS, 2];
    const plan = scheduler.schedule();
    const result = makeResult(plan, () => [EOS, 2, 3]);
    const position = (tokenId: number) => ({ chosen: { tokenId, logprob: 0, rank: 1 }, top: [] });
    const logprobs = [position(EOS), position(2), position(3)];
    const results = result.results.map((outcome) => ({ ...outcome, logprobs }));
    const [sampled] = scheduler.update(plan, { ...result, results });
    expect(sampled).toMatchObject({ tokenIds: [EOS], stopReason: null });
    expect(sampled?.logprobs).toEqual([position(EOS)]);
  });

  test("respects minTokens for each token", () => {
    const scheduler = makeScheduler();
    const request = decoding(scheduler, 20, { minTokens: 3 });
    request.draftTokenIds = [EOS, EOS, 2];
    expect(stepSampling(scheduler, [EOS, EOS, 2, 3])).toMatchObject([{ tokenIds: [EOS, EOS] }]);
    expect(request).toMatchObject({ status: "FINISHED_STOPPED", numOutputTokens: 3 });
  });

  test("releases forks with the source's first tokens, no matter how many there are", () => {
    const scheduler = makeScheduler();
    const source = makeRequest("a", 20);
    source.draftTokenIds = [1, 2];
    scheduler.add(source);
    scheduler.add(makeRequest("a-1", 20, { forkOf: source }));
    stepSampling(scheduler, [1, 2, 3]);
    expect(scheduler.takeStats()).toMatchObject({ numWaitingReqs: 1, numDeferredReqs: 0 });
    const plan = scheduler.schedule();
    expect(drafted(plan)).toEqual([
      ["a", 22, 1, 0, [1, 2]],
      ["a-1", 19, 1, 0, [1, 3]],
    ]);
    expect(plan.transfers.copies).toEqual([[2, 3]]);
  });

  test("is asserted to be consistent with the drafts", () => {
    const update = (tokenIds: readonly number[]) => {
      const scheduler = makeScheduler();
      decoding(scheduler, 20).draftTokenIds = [1, 2];
      return () => stepSampling(scheduler, tokenIds);
    };
    expect(update([])).toThrow("a: no token was sampled");
    expect(update([1, 2, 3, 4])).toThrow("a: more tokens than rows");
    expect(update([9, 2])).toThrow("a: sampled past a rejected draft");
    const partial = makeScheduler({ maxNumBatchedTokens: 16 });
    partial.add(makeRequest("a", 20));
    const plan = partial.schedule();
    const result = makeResult(plan, () => 7);
    const results = result.results.map((outcome) => ({ ...outcome, tokenIds: [7] }));
    expect(() => partial.update(plan, { ...result, results })).toThrow("a: more tokens than rows");
  });
});

describe("a block with draft tokens", () => {
  /** A request whose 31 known tokens and first draft fill two blocks. */
  function withDraftAtBorder(): { scheduler: Scheduler; request: Request } {
    const scheduler = makeScheduler();
    const request = decoding(scheduler, 30);
    request.draftTokenIds = [1, 2];
    return { scheduler, request };
  }

  test("has no hash while the drafts are being verified", () => {
    const { scheduler } = withDraftAtBorder();
    const plan = scheduler.schedule();
    const { pool } = scheduler.kvCache;
    expect(drafted(plan)).toEqual([["a", 30, 3, 2, [1, 2, 3]]]);
    expect([1, 2, 3].map((blockId) => pool.isHashed(blockId))).toEqual([true, false, false]);
  });

  test("is not a hit for a request whose prompt matches the drafts", () => {
    const { scheduler, request } = withDraftAtBorder();
    scheduler.add(makeRequest("b", [...request.tokenIds(), 1, 2, 3]));
    expect(drafted(scheduler.schedule())).toEqual([
      ["a", 30, 3, 2, [1, 2, 5]],
      ["b", 16, 18, 0, [1, 3, 4]],
    ]);
  });

  test("is hashed by the next step if the drafts are accepted, and can then be hit", () => {
    const { scheduler, request } = withDraftAtBorder();
    stepSampling(scheduler, [1, 2, 3]);
    expect(scheduler.kvCache.pool.isHashed(2)).toBe(false);
    scheduler.add(makeRequest("b", [...request.tokenIds(), 4]));
    expect(drafted(scheduler.schedule())).toEqual([
      ["a", 33, 1, 0, [1, 2, 3]],
      ["b", 32, 3, 0, [1, 2, 4]],
    ]);
  });

  test("is hashed with the sampled tokens if the drafts are rejected", () => {
    const { scheduler, request } = withDraftAtBorder();
    stepSampling(scheduler, [9]);
    step(scheduler, 8);
    expect(scheduler.kvCache.pool.isHashed(2)).toBe(true);
    const wrong = makeRequest("wrong", [...request.tokenIds(0, 31), 1, 2, 3]);
    const right = makeRequest("right", [...request.tokenIds(0, 32), 2, 3]);
    for (const other of [wrong, right]) scheduler.add(other);
    expect(drafted(scheduler.schedule()).slice(1)).toEqual([
      ["wrong", 16, 18, 0, [1, 5, 6]],
      ["right", 32, 2, 0, [1, 2, 7]],
    ]);
  });

  test("cannot be hit after a failed step", () => {
    const { scheduler, request } = withDraftAtBorder();
    expect(scheduler.failStep(scheduler.schedule())).toEqual([request]);
    expect(scheduler.kvCache.pool.usage).toBe(0);
    scheduler.kvCache.checkIntegrity();
  });
});

test("appending a token discards the drafts", () => {
  const request = makeRequest("a", 4);
  request.draftTokenIds = [1, 2];
  request.appendOutputToken(1);
  expect(request.draftTokenIds).toEqual([]);
});
