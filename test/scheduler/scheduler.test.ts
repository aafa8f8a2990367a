// Scheduler: the tokens that each step computes, with exact block ids. The pool has blocks 1, 2, 3, ... of
// 16 tokens unless a test says otherwise.

import { describe, expect, test } from "bun:test";
import { GRAMMAR_FAILED } from "../../src/request/request-status.ts";
import {
  EOS,
  makeRequest,
  makeResult,
  makeScheduler,
  preempted,
  step,
  summary,
} from "../support/make-request.ts";

describe("schedule", () => {
  test("admits a prompt, then computes one token per step", () => {
    const scheduler = makeScheduler();
    scheduler.add(makeRequest("a", 20));
    expect(summary(step(scheduler))).toEqual([["a", 0, 20, [1, 2]]]);
    expect(summary(step(scheduler))).toEqual([["a", 20, 1, [1, 2]]]);
  });

  test("plans an empty step if there are no requests", () => {
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
    expect(plans.map((plan) => plan.scheduled[0]?.output)).toEqual(["none", "none", "tokens"]);
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

  test("caps a request's tokens per step at the long prefill threshold", () => {
    const scheduler = makeScheduler({ longPrefillTokenThreshold: 8 });
    scheduler.add(makeRequest("a", 20));
    scheduler.add(makeRequest("b", 20, { cacheSalt: "b" }));
    expect(step(scheduler).scheduled.map((entry) => entry.numScheduledTokens)).toEqual([8, 8]);
  });

  test("leaves at most maxNumPartialPrefills prompts unfinished, but still admits whole prompts", () => {
    const scheduler = makeScheduler({ longPrefillTokenThreshold: 8, maxNumPartialPrefills: 1 });
    scheduler.add(makeRequest("long", 20, { cacheSalt: "a" }));
    scheduler.add(makeRequest("short", 8, { cacheSalt: "b" }));
    scheduler.add(makeRequest("second", 20, { cacheSalt: "c" }));
    const admitted = () => step(scheduler).scheduled.map(({ request }) => request.requestId);
    expect(admitted()).toEqual(["long", "short"]);
    expect(admitted()).toEqual(["long", "short"]);
    expect(admitted()).toEqual(["long", "short", "second"]);
  });

  test("runs at most maxNumSeqs requests", () => {
    const scheduler = makeScheduler({ maxNumSeqs: 2 });
    for (const id of ["a", "b", "c"]) scheduler.add(makeRequest(id, 4));
    expect(step(scheduler).scheduled.length).toBe(2);
    expect(scheduler.takeStats()).toMatchObject({ numRunningReqs: 2, numWaitingReqs: 1 });
  });
});

describe("prefix cache", () => {
  test("computes a shared prefix once if identical prompts arrive together", () => {
    const scheduler = makeScheduler();
    for (const id of ["a", "b", "c"]) scheduler.add(makeRequest(id, 40));
    expect(summary(step(scheduler))).toEqual([
      ["a", 0, 40, [1, 2, 3]],
      ["b", 32, 8, [1, 2, 4]],
      ["c", 32, 8, [1, 2, 5]],
    ]);
    expect(scheduler.takeStats().prefixCache).toEqual({ requests: 3, queries: 120, hits: 64 });
  });

  test("computes little more than one prompt for sixteen identical prompts of 1,024 tokens", () => {
    const scheduler = makeScheduler({ numBlocks: 129, maxNumBatchedTokens: 2048 });
    for (let i = 0; i < 16; i++) scheduler.add(makeRequest(`r${i}`, 1024));
    const plan = step(scheduler);
    expect(plan.scheduled.length).toBe(16);
    expect(plan.numScheduledTokens).toBe(1024 + 15 * 16);
  });

  test("lets a newly admitted request hit blocks that a running request computes in the same step", () => {
    const scheduler = makeScheduler({ maxNumBatchedTokens: 32 });
    scheduler.add(makeRequest("a", 48));
    step(scheduler);
    scheduler.add(makeRequest("b", 64));
    expect(summary(step(scheduler))).toEqual([
      ["a", 32, 16, [1, 2, 3]],
      ["b", 48, 16, [1, 2, 3, 4]],
    ]);
  });

  test("does not count a lookup until the request is admitted", () => {
    const scheduler = makeScheduler({ numBlocks: 4 });
    const first = makeRequest("a", 30);
    scheduler.add(first);
    scheduler.add(makeRequest("b", 48));
    expect(summary(step(scheduler)).length).toBe(1);
    step(scheduler);
    expect(scheduler.takeStats().prefixCache).toEqual({ requests: 1, queries: 30, hits: 0 });
    scheduler.finish(first, "FINISHED_ABORTED");
    step(scheduler);
    expect(scheduler.takeStats().prefixCache).toEqual({ requests: 1, queries: 48, hits: 16 });
  });

  test("hits a finished request's blocks until they are evicted", () => {
    const scheduler = makeScheduler();
    scheduler.add(makeRequest("a", 32, { params: { maxTokens: 1 } }));
    step(scheduler);
    expect(scheduler.kvCache.pool.usage).toBe(0);
    scheduler.add(makeRequest("b", 33));
    expect(summary(step(scheduler))).toEqual([["b", 32, 1, [1, 2, 3]]]);
  });

  test("recomputes the last block of a fully cached prompt", () => {
    const scheduler = makeScheduler();
    scheduler.add(makeRequest("a", 32, { params: { maxTokens: 1 } }));
    step(scheduler);
    scheduler.add(makeRequest("b", 32));
    expect(summary(step(scheduler))).toEqual([["b", 16, 16, [1, 3]]]);
  });

  test("isolates requests by salt, and finds and counts no hits when it is off", () => {
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

  test("computes the whole prompt of a request that asks for prompt logprobs", () => {
    const scheduler = makeScheduler();
    scheduler.add(makeRequest("a", 20));
    scheduler.add(makeRequest("b", 20, { params: { promptLogprobs: 0 } }));
    expect(summary(step(scheduler))[1]).toEqual(["b", 0, 20, [3, 4]]);
    expect(scheduler.takeStats().prefixCache.queries).toBe(20);
  });
});

describe("preemption", () => {
  test("with fcfs, preempts the last running request, which moves to the head of the queue and resumes from the cache", () => {
    const scheduler = makeScheduler({ numBlocks: 5 });
    const requests = [
      makeRequest("a", 31),
      makeRequest("b", 31, { cacheSalt: "b" }),
      makeRequest("c", 4, { cacheSalt: "c" }),
    ];
    for (const request of requests) scheduler.add(request);
    step(scheduler);
    step(scheduler);
    expect(preempted(requests)).toEqual([]);
    const plan = step(scheduler);
    expect(preempted(requests)).toEqual(["b"]);
    expect(summary(plan)).toEqual([["a", 32, 1, [1, 2, 4]]]);
    scheduler.kvCache.checkIntegrity();
    expect(scheduler.takeStats()).toMatchObject({ numRunningReqs: 1, numPreemptedReqs: 1 });
    expect(scheduler.takeStats().numPreemptedReqs).toBe(0);
    expect(summary(step(scheduler))).toEqual([["a", 33, 1, [1, 2, 4]]]);
    for (const { request } of plan.scheduled) scheduler.finish(request, "FINISHED_ABORTED");
    const resumed = summary(step(scheduler));
    expect(resumed[0]).toEqual(["b", 16, 17, [3, 4, 2]]);
    expect(scheduler.takeStats().prefixCache).toEqual({ requests: 1, queries: 4, hits: 0 });
  });

  test("leaves a preempted request out of the step, and admits no other request", () => {
    const scheduler = makeScheduler({ numBlocks: 5 });
    const [first, victim] = [makeRequest("a", 32), makeRequest("b", 32, { cacheSalt: "b" })];
    scheduler.add(first);
    scheduler.add(victim);
    step(scheduler);
    scheduler.add(makeRequest("c", 1, { cacheSalt: "c" }));
    const plan = step(scheduler);
    expect(preempted([first, victim])).toEqual(["b"]);
    expect(summary(plan)).toEqual([["a", 32, 1, [1, 2, 4]]]);
    expect(victim).toMatchObject({
      status: "PREEMPTED",
      numPreemptions: 1,
      numComputedTokens: 0,
      numTokens: 33,
    });
    expect(scheduler.takeStats()).toMatchObject({ numRunningReqs: 1, numWaitingReqs: 2 });
  });

  test("admits no request in a step with a preemption, even with blocks and budget left", () => {
    const scheduler = makeScheduler({ numBlocks: 5, policy: "priority" });
    const requests = [
      makeRequest("late", 33, { priority: 5, cacheSalt: "late" }),
      makeRequest("urgent", 16, { priority: 0 }),
    ];
    for (const request of requests) scheduler.add(request);
    step(scheduler);
    scheduler.add(makeRequest("middle", 1, { priority: 1, cacheSalt: "middle" }));
    const plan = step(scheduler);
    expect(preempted(requests)).toEqual(["late"]);
    expect(summary(plan)).toEqual([["urgent", 16, 1, [1, 4]]]);
    expect(step(scheduler).scheduled.map(({ request }) => request.requestId)).toEqual([
      "urgent",
      "middle",
    ]);
  });

  test("always leaves room for the first running request, if necessary by itself", () => {
    const scheduler = makeScheduler({ numBlocks: 5 });
    const requests = ["a", "b", "c"].map((id) =>
      makeRequest(id, 20, { cacheSalt: id, params: { maxTokens: 44 } }),
    );
    for (const request of requests) scheduler.add(request);
    const ended: string[] = [];
    for (let i = 0; i < 200 && scheduler.hasWork; i++) {
      step(scheduler);
      scheduler.kvCache.checkIntegrity();
      for (const { requestId, isFinished } of requests) {
        if (isFinished && !ended.includes(requestId)) ended.push(requestId);
      }
    }
    expect(ended).toEqual(["a", "b", "c"]);
    expect(requests.map(({ numTokens }) => numTokens)).toEqual([64, 64, 64]);
  });

  test("asserts that maxModelLen fits the pool", () => {
    expect(() => makeScheduler({ numBlocks: 3, maxModelLen: 33 })).toThrow(
      "maxModelLen does not fit the pool",
    );
    expect(makeScheduler({ numBlocks: 3, maxModelLen: 32 }).kvCache.capacityTokens).toBe(32);
  });

  test("with priority, preempts the least urgent request, even if it was planned before", () => {
    const scheduler = makeScheduler({ numBlocks: 5, policy: "priority" });
    const late = makeRequest("late", 20, { priority: 5 });
    const urgent = makeRequest("urgent", 31, { priority: 0, cacheSalt: "u" });
    scheduler.add(late);
    step(scheduler);
    scheduler.add(urgent);
    step(scheduler);
    step(scheduler);
    expect(preempted([late, urgent])).toEqual([]);
    const plan = step(scheduler);
    expect(preempted([late, urgent])).toEqual(["late"]);
    expect(plan.scheduled.map(({ request }) => request.requestId)).toEqual(["urgent"]);
    expect(plan.numScheduledTokens).toBe(1);
    scheduler.kvCache.checkIntegrity();
  });

  test("with priority, runs the waiting request with the smallest value first", () => {
    const scheduler = makeScheduler({ policy: "priority", maxNumSeqs: 1 });
    scheduler.add(makeRequest("b", 4, { priority: 2 }));
    scheduler.add(makeRequest("a", 4, { priority: 1 }));
    expect(summary(step(scheduler))[0]?.[0]).toBe("a");
  });
});

describe("finish", () => {
  test("finishes with the reason length at maxTokens and at maxModelLen", () => {
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

  test("finishes with the reason stop at an end token, unless end tokens are ignored or minTokens is not reached", () => {
    const scheduler = makeScheduler();
    const plain = makeRequest("a", 4);
    const ignoring = makeRequest("b", 4, { params: { ignoreEos: true } });
    const minimum = makeRequest("c", 4, { params: { minTokens: 2 } });
    for (const request of [plain, ignoring, minimum]) scheduler.add(request);
    step(scheduler, EOS);
    expect(plain.status).toBe("FINISHED_STOPPED");
    expect(ignoring.status).toBe("RUNNING");
    expect(minimum.status).toBe("RUNNING");
    step(scheduler, EOS);
    expect(minimum.status).toBe("FINISHED_STOPPED");
    expect(minimum.numOutputTokens).toBe(2);
  });

  test("reports the id of a stop token, and null for an end token", () => {
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

  test("an abort frees blocks in any state, and the result of the step is dropped", () => {
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
    expect(scheduler.schedule().finishedRequestIds).toEqual([]);
    scheduler.add(makeRequest("c", 20));
    expect(scheduler.schedule().finishedRequestIds).toEqual(["b", "a"]);
  });

  test("aborts a preempted request while it waits", () => {
    const scheduler = makeScheduler({ numBlocks: 5 });
    scheduler.add(makeRequest("a", 32));
    const victim = makeRequest("b", 32, { cacheSalt: "b" });
    scheduler.add(victim);
    step(scheduler);
    step(scheduler);
    expect(victim.status).toBe("PREEMPTED");
    scheduler.finish(victim, "FINISHED_ABORTED");
    expect(scheduler.takeStats()).toMatchObject({ numRunningReqs: 1, numWaitingReqs: 0 });
    expect(step(scheduler).finishedRequestIds).toEqual(["b"]);
    scheduler.kvCache.checkIntegrity();
  });

  test("aborts a request in the middle of its prompt", () => {
    const scheduler = makeScheduler({ maxNumBatchedTokens: 16 });
    const request = makeRequest("a", 40);
    scheduler.add(request);
    step(scheduler);
    scheduler.finish(request, "FINISHED_ABORTED");
    expect(scheduler.kvCache.pool.usage).toBe(0);
    expect(scheduler.hasWork).toBe(false);
  });

  test("keeps the first status and notifies the runner once if a request finishes twice", () => {
    const scheduler = makeScheduler();
    const request = makeRequest("a", 4);
    scheduler.add(request);
    scheduler.finish(request, "FINISHED_STOPPED");
    scheduler.finish(request, "FINISHED_ABORTED");
    expect(request.status).toBe("FINISHED_STOPPED");
    scheduler.add(makeRequest("b", 4));
    expect(step(scheduler).finishedRequestIds).toEqual(["a"]);
    expect(step(scheduler).finishedRequestIds).toEqual([]);
  });

  test.each([
    [false, GRAMMAR_FAILED],
    [true, null],
  ] as const)(
    "a row that its grammar refuses ends the request with an error (NaN: %p, stop reason: %p)",
    (isCorrupted, stopReason) => {
      const scheduler = makeScheduler();
      const request = makeRequest("a", 4);
      scheduler.add(request);
      const plan = scheduler.schedule();
      const result = makeResult(plan, () => 0);
      const results = result.results.map((row) => ({
        ...row,
        tokenIds: [0],
        isRefused: true,
        isCorrupted,
      }));
      const [sampled] = scheduler.update(plan, { ...result, results });
      expect([request.status, sampled?.tokenIds, sampled?.stopReason]).toEqual([
        "FINISHED_ERROR",
        [],
        stopReason,
      ]);
    },
  );

  test("asserts that a result matches the plan", () => {
    const scheduler = makeScheduler();
    scheduler.add(makeRequest("a", 4));
    const plan = scheduler.schedule();
    const result = makeResult(plan, () => []);
    expect(() => scheduler.update(plan, { ...result, results: [] })).toThrow("differ in length");
    expect(() => scheduler.update(plan, result)).toThrow("a: no token was sampled");
  });

  test("a failed step leaves no hits from a request that was aborted during the step", () => {
    const scheduler = makeScheduler();
    const aborted = makeRequest("a", 40);
    scheduler.add(aborted);
    const plan = scheduler.schedule();
    scheduler.finish(aborted, "FINISHED_ABORTED");
    expect(scheduler.failStep(plan)).toEqual([]);
    scheduler.add(makeRequest("b", 40));
    expect(summary(step(scheduler))[0]?.[1]).toBe(0);
  });

  test("blocks from earlier steps can still be hit after a failed step", () => {
    const scheduler = makeScheduler({ maxNumBatchedTokens: 24 });
    scheduler.add(makeRequest("a", 48));
    step(scheduler);
    scheduler.failStep(scheduler.schedule());
    scheduler.add(makeRequest("b", 48));
    expect(summary(step(scheduler))[0]?.[1]).toBe(16);
    scheduler.kvCache.checkIntegrity();
  });

  test("a failed step fails its requests and leaves no hits", () => {
    const scheduler = makeScheduler();
    scheduler.add(makeRequest("a", 40));
    const failed = scheduler.failStep(scheduler.schedule());
    expect(failed.map(({ status }) => status)).toEqual(["FINISHED_ERROR"]);
    scheduler.add(makeRequest("b", 40));
    expect(summary(step(scheduler))[0]?.[1]).toBe(0);
    scheduler.kvCache.checkIntegrity();
  });
});
