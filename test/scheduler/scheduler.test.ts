// Scheduler: what each step computes, with exact block ids. The pool has blocks 1, 2, 3, ... of 16
// tokens unless a test says otherwise.

import { describe, expect, test } from "bun:test";
import type { StepPlan } from "../../src/scheduler/scheduler-output.ts";
import { EOS, makeRequest, makeResult, makeScheduler, step } from "../support/make-request.ts";

const summary = (plan: StepPlan) =>
  plan.scheduled.map((entry) => [
    entry.request.requestId,
    entry.numComputedTokens,
    entry.numScheduledTokens,
    [...entry.blockIds],
  ]);

describe("schedule", () => {
  test("admits a prompt, then computes one token a step", () => {
    const scheduler = makeScheduler();
    scheduler.add(makeRequest("a", 20));
    expect(summary(step(scheduler))).toEqual([["a", 0, 20, [1, 2]]]);
    expect(summary(step(scheduler))).toEqual([["a", 20, 1, [1, 2]]]);
  });

  test("an empty scheduler plans nothing", () => {
    const plan = makeScheduler().schedule();
    expect(plan.scheduled).toEqual([]);
    expect(plan.numScheduledTokens).toBe(0);
  });

  test("splits a long prompt by the budget and samples only at its end", () => {
    const scheduler = makeScheduler({ maxNumBatchedTokens: 16 });
    scheduler.add(makeRequest("a", 40));
    const plans = [step(scheduler), step(scheduler), step(scheduler)];
    expect(plans.map(summary)).toEqual([
      [["a", 0, 16, [1]]],
      [["a", 16, 16, [1, 2]]],
      [["a", 32, 8, [1, 2, 3]]],
    ]);
    expect(plans.map((plan) => plan.scheduled[0]?.samples)).toEqual([false, false, true]);
  });

  test("mixes decoding and prefilling requests under one budget", () => {
    const scheduler = makeScheduler({ maxNumBatchedTokens: 20 });
    scheduler.add(makeRequest("a", 10));
    step(scheduler);
    scheduler.add(makeRequest("b", 40, { cacheSalt: "b" }));
    expect(summary(step(scheduler))).toEqual([
      ["a", 10, 1, [1]],
      ["b", 0, 19, [2, 3]],
    ]);
  });

  test("caps a request's tokens a step at the long prefill threshold", () => {
    const scheduler = makeScheduler({ longPrefillTokenThreshold: 8 });
    scheduler.add(makeRequest("a", 20));
    scheduler.add(makeRequest("b", 20, { cacheSalt: "b" }));
    expect(step(scheduler).scheduled.map((entry) => entry.numScheduledTokens)).toEqual([8, 8]);
  });

  test("runs at most maxNumSeqs requests", () => {
    const scheduler = makeScheduler({ maxNumSeqs: 2 });
    for (const id of ["a", "b", "c"]) scheduler.add(makeRequest(id, 4));
    expect(step(scheduler).scheduled.length).toBe(2);
    expect(scheduler.takeStats()).toMatchObject({ numRunningReqs: 2, numWaitingReqs: 1 });
  });
});

describe("prefix cache", () => {
  test("equal prompts that arrive together compute the prefix once", () => {
    const scheduler = makeScheduler();
    for (const id of ["a", "b", "c"]) scheduler.add(makeRequest(id, 40));
    expect(summary(step(scheduler))).toEqual([
      ["a", 0, 40, [1, 2, 3]],
      ["b", 32, 8, [1, 2, 4]],
      ["c", 32, 8, [1, 2, 5]],
    ]);
    expect(scheduler.takeStats().prefixCache).toEqual({ requests: 3, queries: 120, hits: 64 });
  });

  test("a finished request's blocks are hit until they are evicted", () => {
    const scheduler = makeScheduler();
    scheduler.add(makeRequest("a", 32, { params: { maxTokens: 1 } }));
    step(scheduler);
    expect(scheduler.kvCache.pool.usage).toBe(0);
    scheduler.add(makeRequest("b", 33));
    expect(summary(step(scheduler))).toEqual([["b", 32, 1, [1, 2, 3]]]);
  });

  test("a fully cached prompt computes its last block again", () => {
    const scheduler = makeScheduler();
    scheduler.add(makeRequest("a", 32, { params: { maxTokens: 1 } }));
    step(scheduler);
    scheduler.add(makeRequest("b", 32));
    expect(summary(step(scheduler))).toEqual([["b", 16, 16, [1, 3]]]);
  });

  test("a salt isolates, disabling it finds nothing and counts nothing", () => {
    const salted = makeScheduler();
    salted.add(makeRequest("a", 20, { cacheSalt: "x" }));
    salted.add(makeRequest("b", 20, { cacheSalt: "y" }));
    expect(summary(step(salted))[1]).toEqual(["b", 0, 20, [3, 4]]);
    const off = makeScheduler({ enablePrefixCaching: false });
    off.add(makeRequest("a", 20));
    off.add(makeRequest("b", 20));
    expect(summary(step(off))[1]).toEqual(["b", 0, 20, [3, 4]]);
    expect(off.takeStats().prefixCache).toEqual({ requests: 0, queries: 0, hits: 0 });
  });

  test("a request that wants prompt log-probabilities computes its whole prompt", () => {
    const scheduler = makeScheduler();
    scheduler.add(makeRequest("a", 20));
    scheduler.add(makeRequest("b", 20, { params: { promptLogprobs: 0 } }));
    expect(summary(step(scheduler))[1]).toEqual(["b", 0, 20, [3, 4]]);
    expect(scheduler.takeStats().prefixCache.queries).toBe(20);
  });
});

describe("preemption", () => {
  test("fcfs: the last running request gives way, goes to the head and resumes from the cache", () => {
    const scheduler = makeScheduler({ numBlocks: 5 });
    scheduler.add(makeRequest("a", 31));
    scheduler.add(makeRequest("b", 31, { cacheSalt: "b" }));
    scheduler.add(makeRequest("c", 4, { cacheSalt: "c" }));
    step(scheduler);
    step(scheduler);
    const plan = step(scheduler);
    expect(plan.preempted.map(({ requestId }) => requestId)).toEqual(["b"]);
    expect(summary(plan)).toEqual([["a", 32, 1, [1, 2, 4]]]);
    scheduler.kvCache.checkIntegrity();
    expect(scheduler.takeStats()).toMatchObject({ numRunningReqs: 1, numPreemptedReqs: 1 });
    expect(summary(step(scheduler))).toEqual([["a", 33, 1, [1, 2, 4]]]);
    for (const { request } of plan.scheduled) scheduler.finish(request, "FINISHED_ABORTED");
    const resumed = summary(step(scheduler));
    expect(resumed[0]).toEqual(["b", 16, 17, [3, 4, 2]]);
    expect(scheduler.takeStats().prefixCache).toEqual({ requests: 1, queries: 4, hits: 0 });
  });

  test("priority: the least urgent gives way, also when it was planned before", () => {
    const scheduler = makeScheduler({ numBlocks: 5, policy: "priority" });
    scheduler.add(makeRequest("late", 20, { priority: 5 }));
    step(scheduler);
    scheduler.add(makeRequest("urgent", 31, { priority: 0, cacheSalt: "u" }));
    step(scheduler);
    step(scheduler);
    const plan = step(scheduler);
    expect(plan.preempted.map(({ requestId }) => requestId)).toEqual(["late"]);
    expect(plan.scheduled.map(({ request }) => request.requestId)).toEqual(["urgent"]);
    expect(plan.numScheduledTokens).toBe(1);
    scheduler.kvCache.checkIntegrity();
  });

  test("priority: the waiting request with the smallest value runs first", () => {
    const scheduler = makeScheduler({ policy: "priority", maxNumSeqs: 1 });
    scheduler.add(makeRequest("b", 4, { priority: 2 }));
    scheduler.add(makeRequest("a", 4, { priority: 1 }));
    expect(summary(step(scheduler))[0]?.[0]).toBe("a");
  });
});

describe("finish", () => {
  test("ends with length at maxTokens and at maxModelLen", () => {
    const scheduler = makeScheduler({ maxModelLen: 8 });
    const byTokens = makeRequest("a", 4, { params: { maxTokens: 2 } });
    const byContext = makeRequest("b", 7, { params: { maxTokens: 100 } });
    scheduler.add(byTokens);
    scheduler.add(byContext);
    step(scheduler);
    expect(byContext.status).toBe("FINISHED_LENGTH_CAPPED");
    step(scheduler);
    expect(byTokens.status).toBe("FINISHED_LENGTH_CAPPED");
    expect(scheduler.hasWork).toBe(false);
    expect(scheduler.kvCache.pool.usage).toBe(0);
  });

  test("ends with stop at an end token, unless ignored or before minTokens", () => {
    const scheduler = makeScheduler();
    const plain = makeRequest("a", 4);
    const ignoring = makeRequest("b", 4, { params: { ignoreEos: true } });
    const minimum = makeRequest("c", 4, { params: { minTokens: 2 } });
    for (const request of [plain, ignoring, minimum]) scheduler.add(request);
    step(scheduler, EOS);
    expect(plain.status).toBe("FINISHED_STOPPED");
    expect(ignoring.status).toBe("RUNNING");
    expect(minimum.status).toBe("RUNNING");
  });

  test("names the stop token id, and null for an end token", () => {
    const scheduler = makeScheduler();
    scheduler.add(makeRequest("a", 4, { params: { stopTokenIds: [5] } }));
    scheduler.add(makeRequest("b", 4));
    const plan = scheduler.schedule();
    const tokens = scheduler.update(
      plan,
      makeResult(plan, ({ requestId }) => (requestId === "a" ? 5 : EOS)),
    );
    expect(tokens.map(({ stopReason }) => stopReason)).toEqual([5, null]);
  });

  test("an abort frees the blocks in any state, and its step's result is dropped", () => {
    const scheduler = makeScheduler({ maxNumSeqs: 1 });
    const running = makeRequest("a", 20);
    const waiting = makeRequest("b", 20);
    scheduler.add(running);
    scheduler.add(waiting);
    const plan = scheduler.schedule();
    scheduler.finish(waiting, "FINISHED_ABORTED");
    scheduler.finish(running, "FINISHED_ABORTED");
    expect(scheduler.kvCache.pool.usage).toBe(0);
    expect(
      scheduler.update(
        plan,
        makeResult(plan, () => 7),
      ),
    ).toEqual([]);
    expect(scheduler.hasWork).toBe(false);
    expect(scheduler.schedule().finishedRequestIds).toEqual(["b", "a"]);
  });

  test("a failed step ends its requests and leaves nothing to hit", () => {
    const scheduler = makeScheduler();
    scheduler.add(makeRequest("a", 40));
    const failed = scheduler.failStep(scheduler.schedule());
    expect(failed.map(({ status }) => status)).toEqual(["FINISHED_ERROR"]);
    scheduler.add(makeRequest("b", 40));
    expect(summary(step(scheduler))[0]?.[1]).toBe(0);
    scheduler.kvCache.checkIntegrity();
  });
});

describe("forks (n > 1)", () => {
  test("wait for the prompt, share its blocks and copy the last one before they write", () => {
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
    expect(plan.blockCopies).toEqual([[2, 4]]);
    scheduler.kvCache.checkIntegrity();
  });

  test("count as deferred while they wait, and can be aborted there", () => {
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

  test("become ordinary requests when their source is gone", () => {
    const scheduler = makeScheduler({ enablePrefixCaching: false });
    const source = makeRequest("a", 20);
    scheduler.add(source);
    scheduler.add(makeRequest("a-1", 20, { forkOf: source }));
    scheduler.finish(source, "FINISHED_ABORTED");
    expect(summary(step(scheduler))).toEqual([["a-1", 0, 20, [1, 2]]]);
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
    expect(plan.blockCopies).toEqual([[1, 3]]);
  });
});
