// Pauses: which requests continue, which are held, and the state after preempting all requests.

import { describe, expect, test } from "bun:test";
import { makeRequest, makeScheduler, step, summary } from "../support/make-request.ts";

describe("a pause", () => {
  test("that drains finishes existing requests and holds new requests", () => {
    const scheduler = makeScheduler();
    const before = makeRequest("before", 4, { params: { maxTokens: 2 } });
    const after = makeRequest("after", 5);
    scheduler.add(before);
    scheduler.pause("drain");
    scheduler.add(after);
    expect(scheduler.isHeld(after)).toBe(true);
    expect(summary(step(scheduler)).map(([id]) => id)).toEqual(["before"]);
    expect(scheduler.takeStats()).toMatchObject({ numRunningReqs: 1, numWaitingReqs: 1 });
    step(scheduler);
    expect(scheduler.hasWork).toBe(false);
    expect(after.status).toBe("WAITING");
    scheduler.resume();
    expect(summary(step(scheduler)).map(([id]) => id)).toEqual(["after"]);
  });

  test("that holds requests leaves no work, even with waiting or running requests", () => {
    const scheduler = makeScheduler();
    scheduler.add(makeRequest("a", 4));
    step(scheduler);
    scheduler.pause("hold");
    scheduler.add(makeRequest("b", 4, { cacheSalt: "b" }));
    expect(scheduler.hasWork).toBe(false);
    expect(scheduler.takeStats()).toMatchObject({ numRunningReqs: 1, numWaitingReqs: 1 });
    scheduler.resume();
    expect(summary(step(scheduler)).map(([id]) => id)).toEqual(["a", "b"]);
  });

  test("preserves arrival order and defers held forks until their held source has run", () => {
    const scheduler = makeScheduler();
    scheduler.pause("hold");
    const source = makeRequest("a", 20);
    scheduler.add(source);
    scheduler.add(makeRequest("a-1", 20, { forkOf: source }));
    scheduler.add(makeRequest("b", 4, { cacheSalt: "b" }));
    scheduler.resume();
    expect(summary(step(scheduler)).map(([id]) => id)).toEqual(["a", "b"]);
    expect(summary(step(scheduler)).map(([id]) => id)).toEqual(["a", "b", "a-1"]);
  });

  test("lets held requests be aborted", () => {
    const scheduler = makeScheduler();
    scheduler.pause("hold");
    const held = makeRequest("a", 4);
    scheduler.add(held);
    scheduler.finish(held, "FINISHED_ABORTED");
    expect(scheduler.takeStats().numWaitingReqs).toBe(0);
    scheduler.resume();
    expect(scheduler.hasWork).toBe(false);
  });

  test("has no effect if there are no requests to hold", () => {
    const scheduler = makeScheduler();
    scheduler.pause("drain");
    scheduler.resume();
    scheduler.add(makeRequest("a", 4));
    expect(summary(step(scheduler))).toEqual([["a", 0, 4, [1]]]);
  });
});

describe("preempting all", () => {
  test("frees all blocks and queues the requests in the order they ran", () => {
    const scheduler = makeScheduler();
    const requests = ["a", "b", "c"].map((id) => makeRequest(id, 20, { cacheSalt: id }));
    for (const request of requests) scheduler.add(request);
    step(scheduler);
    scheduler.preemptAll();
    expect(requests.map(({ status, numPreemptions }) => [status, numPreemptions])).toEqual([
      ["PREEMPTED", 1],
      ["PREEMPTED", 1],
      ["PREEMPTED", 1],
    ]);
    expect(scheduler.takeStats()).toMatchObject({
      numRunningReqs: 0,
      numWaitingReqs: 3,
      kvCacheUsage: 0,
      numPreemptedReqs: 3,
    });
    expect(scheduler.kvCache.pool.resetPrefixCache()).toBe(true);
    expect(summary(step(scheduler)).map(([id, start, tokens]) => [id, start, tokens])).toEqual([
      ["a", 0, 21],
      ["b", 0, 21],
      ["c", 0, 21],
    ]);
    scheduler.kvCache.checkIntegrity();
  });

  test("has no effect if no request is running", () => {
    const scheduler = makeScheduler();
    scheduler.add(makeRequest("a", 4));
    scheduler.preemptAll();
    expect(scheduler.takeStats()).toMatchObject({ numWaitingReqs: 1, numPreemptedReqs: 0 });
  });
});
