// Room that an admission leaves to running requests, so that it does not cause preemptions.

import { describe, expect, test } from "bun:test";
import { reservedTokens } from "../../src/scheduler/growth-reserve.ts";
import { makeScheduler, makeRequest as plainRequest, step } from "../support/make-request.ts";

const RESERVE = { growthReserveTokens: 32 };
const makeRequest = (requestId: string, numTokens: number, cacheSalt: string | null = null) =>
  plainRequest(requestId, numTokens, { cacheSalt, params: { maxTokens: 100 } });
const planned = (plan: ReturnType<typeof step>) =>
  plan.scheduled.map(({ request }) => request.requestId);

/** 32 blocks, of which the reserve is at most 8. */
const POOL = { numBlocks: 33, ...RESERVE };

describe("an admission", () => {
  test("waits until every running request would have its reserve", () => {
    const scheduler = makeScheduler(POOL);
    const first = makeRequest("a", 433);
    for (const request of [first, makeRequest("b", 16), makeRequest("c", 16)]) {
      scheduler.add(request);
    }
    // a has 28 blocks. One for b and two more for each of them would be five.
    expect(planned(step(scheduler))).toEqual(["a"]);
    expect(planned(step(scheduler))).toEqual(["a"]);
    scheduler.finish(first, "FINISHED_ABORTED");
    expect(planned(step(scheduler))).toEqual(["b", "c"]);
  });

  test("needs no reserve when no request runs", () => {
    const scheduler = makeScheduler({ numBlocks: 3, ...RESERVE });
    scheduler.add(makeRequest("a", 32));
    expect(planned(step(scheduler))).toEqual(["a"]);
  });

  test("leaves no room that the requests cannot use", () => {
    const scheduler = makeScheduler(POOL);
    const short = { params: { maxTokens: 8 } };
    scheduler.add(plainRequest("a", 472, short));
    scheduler.add(plainRequest("b", 16, { ...short, cacheSalt: "b" }));
    expect(planned(step(scheduler))).toEqual(["a", "b"]);
  });

  test("leaves at most a quarter of the pool", () => {
    const scheduler = makeScheduler({ numBlocks: 17, ...RESERVE });
    for (let i = 0; i < 16; i++) scheduler.add(makeRequest(`r${i}`, 16));
    // One block each: the last admission leaves four of the sixteen.
    expect(planned(step(scheduler)).length).toBe(12);
  });

  test.each([
    ["that shares all blocks but one with a running request", null, ["a", "b"]],
    ["that shares none", "salt", ["a"]],
  ])("of a request %s", (_, cacheSalt, expected) => {
    const scheduler = makeScheduler(POOL);
    scheduler.add(makeRequest("a", 417));
    step(scheduler);
    scheduler.add(makeRequest("b", 417, cacheSalt));
    // a has 27 blocks. Four are kept free, so one is left for b.
    expect(planned(step(scheduler))).toEqual(expected);
  });
});

test("a reserve is at most what a request can still produce", () => {
  const request = plainRequest("a", 20, { params: { maxTokens: 10 } });
  const limits = (growthReserveTokens: number, maxModelLen: number) => ({
    growthReserveTokens,
    maxModelLen,
  });
  expect(reservedTokens(request, limits(32, 100))).toBe(10);
  expect(reservedTokens(request, limits(4, 100))).toBe(4);
  expect(reservedTokens(request, limits(32, 25))).toBe(5);
  request.appendOutputToken(7);
  expect(reservedTokens(request, limits(32, 100))).toBe(9);
});
