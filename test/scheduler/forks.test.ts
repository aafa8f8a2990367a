// Forks (n > 1): when they wait, which blocks they share, and when they become ordinary requests. Blocks
// have 16 tokens; their ids are 1, 2, 3, ...

import { describe, expect, test } from "bun:test";
import { makeRequest, makeScheduler, step, summary } from "../support/make-request.ts";

describe("forks (n > 1)", () => {
  test("wait for the prompt, share its blocks, and copy the last one before they write", () => {
    const scheduler = makeScheduler();
    const source = makeRequest("a", 20);
    scheduler.add(source);
    scheduler.add(makeRequest("a-1", 20, { forkOf: source }));
    scheduler.add(makeRequest("b", 4, { cacheSalt: "b" }));
    expect(summary(step(scheduler)).map(([id]) => id)).toEqual(["a", "b"]);
    const plan = step(scheduler);
    expect(summary(plan)).toEqual([
      ["a", 20, 1, [1, 2]],
      ["b", 4, 1, [3]],
      ["a-1", 19, 1, [1, 4]],
    ]);
    expect(plan.transfers.copies).toEqual([[2, 4]]);
    scheduler.kvCache.checkIntegrity();
  });

  test("count as deferred while they wait, and can be aborted in that state", () => {
    const scheduler = makeScheduler({ maxNumBatchedTokens: 16 });
    const source = makeRequest("a", 20);
    const child = makeRequest("a-1", 20, { forkOf: source });
    scheduler.add(source);
    scheduler.add(child);
    step(scheduler);
    expect(scheduler.takeStats()).toMatchObject({ numWaitingReqs: 1, numDeferredReqs: 1 });
    scheduler.finish(child, "FINISHED_ABORTED");
    expect(scheduler.takeStats()).toMatchObject({ numWaitingReqs: 0, numDeferredReqs: 0 });
  });

  test("become ordinary requests if their source is aborted", () => {
    const scheduler = makeScheduler({ enablePrefixCaching: false });
    const source = makeRequest("a", 20);
    scheduler.add(source);
    scheduler.add(makeRequest("a-1", 20, { forkOf: source }));
    scheduler.finish(source, "FINISHED_ABORTED");
    expect(summary(step(scheduler))).toEqual([["a-1", 0, 20, [1, 2]]]);
  });

  test("can share a single source, and count all tokens except one as prefix hits", () => {
    const scheduler = makeScheduler();
    const source = makeRequest("a", 20);
    const children = [1, 2].map((i) => makeRequest(`a-${i}`, 20, { forkOf: source }));
    for (const request of [source, ...children]) scheduler.add(request);
    step(scheduler);
    expect(scheduler.takeStats()).toMatchObject({
      numRunningReqs: 1,
      numWaitingReqs: 2,
      numDeferredReqs: 0,
      prefixCache: { requests: 1, queries: 20, hits: 0 },
    });
    const plan = step(scheduler);
    expect(summary(plan)).toEqual([
      ["a", 20, 1, [1, 2]],
      ["a-1", 19, 1, [1, 3]],
      ["a-2", 19, 1, [1, 4]],
    ]);
    expect(plan.transfers.copies).toEqual([
      [2, 3],
      [2, 4],
    ]);
    expect(scheduler.takeStats().prefixCache).toEqual({ requests: 2, queries: 40, hits: 38 });
    expect(children.map(({ numCachedTokens }) => numCachedTokens)).toEqual([19, 19]);
    scheduler.kvCache.checkIntegrity();
  });

  test("wait if the pool has no block for the copy", () => {
    const scheduler = makeScheduler({ numBlocks: 3 });
    const source = makeRequest("a", 20);
    scheduler.add(source);
    scheduler.add(makeRequest("a-1", 20, { forkOf: source }));
    step(scheduler);
    const plan = step(scheduler);
    expect(summary(plan)).toEqual([["a", 20, 1, [1, 2]]]);
    expect(plan.transfers.copies).toEqual([]);
    expect(scheduler.takeStats()).toMatchObject({ numRunningReqs: 1, numWaitingReqs: 1 });
    scheduler.kvCache.checkIntegrity();
  });

  test("share immediately if they are added after the prompt was computed", () => {
    const scheduler = makeScheduler();
    const source = makeRequest("a", 20);
    scheduler.add(source);
    step(scheduler);
    scheduler.add(makeRequest("a-1", 20, { forkOf: source }));
    expect(step(scheduler).transfers.copies).toEqual([[2, 3]]);
  });

  test("run as ordinary requests if the source is preempted before its prompt is computed", () => {
    const scheduler = makeScheduler({ numBlocks: 5, maxNumBatchedTokens: 41 });
    scheduler.add(makeRequest("first", 32, { cacheSalt: "first" }));
    const source = makeRequest("a", 40);
    scheduler.add(source);
    scheduler.add(makeRequest("a-1", 40, { forkOf: source }));
    step(scheduler);
    expect(scheduler.takeStats()).toMatchObject({ numRunningReqs: 2, numDeferredReqs: 1 });
    const plan = step(scheduler);
    expect(source.status).toBe("PREEMPTED");
    expect(scheduler.takeStats()).toMatchObject({
      numWaitingReqs: 2,
      numDeferredReqs: 0,
      numPreemptedReqs: 1,
    });
    for (const { request } of plan.scheduled) scheduler.finish(request, "FINISHED_ABORTED");
    expect(summary(step(scheduler)).map(([id]) => id)).toEqual(["a", "a-1"]);
  });

  test("do not wait for a preempted source", () => {
    const scheduler = makeScheduler({ numBlocks: 5 });
    scheduler.add(makeRequest("first", 32, { cacheSalt: "first" }));
    const source = makeRequest("a", 32);
    scheduler.add(source);
    step(scheduler);
    step(scheduler);
    expect(source.status).toBe("PREEMPTED");
    expect(scheduler.takeStats().numPreemptedReqs).toBe(1);
    scheduler.add(makeRequest("a-1", 32, { forkOf: source }));
    expect(scheduler.takeStats()).toMatchObject({ numWaitingReqs: 2, numDeferredReqs: 0 });
  });

  test("do not copy from a resumed source, whose blocks the same step can write", () => {
    const scheduler = makeScheduler({ numBlocks: 5, maxNumSeqs: 2 });
    const first = makeRequest("first", 32, { cacheSalt: "first" });
    const source = makeRequest("a", 16);
    const child = makeRequest("a-1", 16, { forkOf: source });
    for (const request of [first, source, child]) scheduler.add(request);
    while (source.numPreemptions === 0) step(scheduler);
    expect(source.numTokens).toBeGreaterThan(16);
    scheduler.finish(first, "FINISHED_ABORTED");
    const plan = step(scheduler);
    expect(plan.transfers.copies).toEqual([]);
    expect(plan.scheduled.map(({ request }) => request)).toEqual([source, child]);
    expect(plan.scheduled[1]?.numComputedTokens).toBe(0);
  });

  test("do not share again after preemption; they resume as ordinary requests", () => {
    const scheduler = makeScheduler({ numBlocks: 5, enablePrefixCaching: false });
    const source = makeRequest("a", 16, { params: { maxTokens: 48 } });
    const child = makeRequest("a-1", 16, { forkOf: source, params: { maxTokens: 48 } });
    scheduler.add(source);
    scheduler.add(child);
    while (child.numPreemptions === 0) step(scheduler);
    expect([source.numTokens, child.numTokens]).toEqual([34, 32]);
    const plan = step(scheduler);
    expect(summary(plan)).toEqual([["a", 33, 1, [1, 2, 4]]]);
    expect(plan.transfers.copies).toEqual([]);
    scheduler.finish(source, "FINISHED_ABORTED");
    expect(summary(step(scheduler))).toEqual([["a-1", 0, 32, [3, 4]]]);
    scheduler.kvCache.checkIntegrity();
  });

  test("share a prompt that fills its last block", () => {
    const scheduler = makeScheduler({ enablePrefixCaching: false });
    const source = makeRequest("a", 16);
    scheduler.add(source);
    scheduler.add(makeRequest("a-1", 16, { forkOf: source }));
    step(scheduler);
    const plan = step(scheduler);
    expect(summary(plan)).toEqual([
      ["a", 16, 1, [1, 2]],
      ["a-1", 15, 1, [3]],
    ]);
    expect(plan.transfers.copies).toEqual([[1, 3]]);
  });
});
