// Room that an admission leaves for running requests, so it does not cause preemptions.

import { describe, expect, test } from "bun:test";
import { reservedTokens } from "../../src/scheduler/growth-reserve.ts";
import { makeScheduler, makeRequest as plainRequest, step } from "../support/make-request.ts";

const RESERVE = { growthReserveTokens: 32 };
const makeRequest = (requestId: string, numTokens: number, cacheSalt: string | null = null) =>
  plainRequest(requestId, numTokens, { cacheSalt, params: { maxTokens: 100 } });
const planned = (plan: ReturnType<typeof step>) =>
  plan.scheduled.map(({ request }) => request.requestId);

/** A pool of 32 blocks, of which at most 8 are reserved. */
const POOL = { numBlocks: 33, ...RESERVE };

describe("an admission", () => {
  test("waits until every running request has its reserve", () => {
    const scheduler = makeScheduler(POOL);
    const first = makeRequest("a", 433);
    for (const request of [first, makeRequest("b", 16), makeRequest("c", 16)]) {
      scheduler.add(request);
    }
    // a has 28 blocks. Admitting b would take 5 more: one for b, and two in reserve for each.
    expect(planned(step(scheduler))).toEqual(["a"]);
    expect(planned(step(scheduler))).toEqual(["a"]);
    scheduler.finish(first, "FINISHED_ABORTED");
    expect(planned(step(scheduler))).toEqual(["b", "c"]);
  });

  test("needs no reserve if no request is running", () => {
    const scheduler = makeScheduler({ numBlocks: 3, ...RESERVE });
    scheduler.add(makeRequest("a", 32));
    expect(planned(step(scheduler))).toEqual(["a"]);
  });

  test("reserves no room that requests cannot use", () => {
    const scheduler = makeScheduler(POOL);
    const short = { params: { maxTokens: 8 } };
    scheduler.add(plainRequest("a", 472, short));
    scheduler.add(plainRequest("b", 16, { ...short, cacheSalt: "b" }));
    expect(planned(step(scheduler))).toEqual(["a", "b"]);
  });

  test("reserves at most a quarter of the pool", () => {
    const scheduler = makeScheduler({ numBlocks: 17, ...RESERVE });
    for (let i = 0; i < 16; i++) scheduler.add(makeRequest(`r${i}`, 16));
    // Each takes one block; the last admission leaves four of the sixteen.
    expect(planned(step(scheduler)).length).toBe(12);
  });

  test.each([
    [
      "has room for a request that shares all but one of its blocks with a running request",
      null,
      ["a", "b"],
    ],
    ["has no room for a request that shares no blocks", "salt", ["a"]],
  ])("%s", (_, cacheSalt, expected) => {
    const scheduler = makeScheduler(POOL);
    scheduler.add(makeRequest("a", 417));
    step(scheduler);
    scheduler.add(makeRequest("b", 417, cacheSalt));
    // a has 27 blocks. Four are reserved, which leaves one for b.
    expect(planned(step(scheduler))).toEqual(expected);
  });
});

test("a reserve is at most the number of tokens that the request can still generate", () => {
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
