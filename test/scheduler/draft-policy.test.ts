// The number of drafts that a step verifies, based on their cost and on how many were accepted.

import { describe, expect, test } from "bun:test";
import type { Request } from "../../src/request/request.ts";
import type { DraftLimits } from "../../src/scheduler/draft-policy.ts";
import type { Scheduler } from "../../src/scheduler/scheduler.ts";
import { makeRequest, makeResult, makeScheduler } from "../support/make-request.ts";

const LIMITS: DraftLimits = { numSpeculativeTokens: 15, disableByBatchSize: null };
const DRAFTS = Array.from({ length: 20 }, (_, i) => i + 1);

interface Model {
  /** Duration of a step, by its number of requests and of drafts. */
  readonly ms: (numRequests: number, numDrafts: number) => number;
  /** Number of drafts that are accepted. */
  readonly numAccepted: number;
}

/** Runs steps in which every request has drafts. @returns the number of drafts in each step */
function steps(
  scheduler: Scheduler,
  requests: readonly Request[],
  { ms, numAccepted }: Model,
  numSteps: number,
): number[] {
  return Array.from({ length: numSteps }, () => {
    for (const request of requests) request.draftTokenIds = DRAFTS;
    const plan = scheduler.schedule();
    const numDrafts = plan.scheduled.reduce((sum, entry) => sum + entry.numDraftTokens, 0);
    const taken = plan.scheduled.map(({ numDraftTokens }) => Math.min(numDraftTokens, numAccepted));
    const result = makeResult(plan, (request) => {
      const index = plan.scheduled.findIndex((entry) => entry.request === request);
      return [...DRAFTS.slice(0, taken[index]), 99];
    });
    scheduler.update(plan, { ...result, forwardMs: ms(plan.scheduled.length, numDrafts) });
    return numDrafts;
  });
}

function decoding(numRequests: number, limits = LIMITS) {
  const scheduler = makeScheduler({ draftLimits: limits, numBlocks: 513, blockSize: 64 });
  const requests = Array.from({ length: numRequests }, (_, i) =>
    makeRequest(`r${i}`, [i, 2, 3], { params: { maxTokens: 20_000 } }),
  );
  for (const request of requests) scheduler.add(request);
  return { scheduler, requests };
}

const CHEAP: Model = { ms: (_, numDrafts) => 10 + 0.5 * numDrafts, numAccepted: 20 };

describe("a step verifies", () => {
  test("no drafts before the duration of a step without drafts is known", () => {
    const { scheduler, requests } = decoding(1);
    expect(steps(scheduler, requests, CHEAP, 3)).toEqual([0, 0, 0]);
  });

  test("as many drafts as allowed if they are cheap and accepted", () => {
    const { scheduler, requests } = decoding(1);
    expect(steps(scheduler, requests, CHEAP, 30).at(-1)).toBe(15);
  });

  test("the maximum number of drafts, or a number that makes a power of two with the last token", () => {
    const { scheduler, requests } = decoding(1, { ...LIMITS, numSpeculativeTokens: 5 });
    const counts = new Set(steps(scheduler, requests, CHEAP, 60));
    expect([...counts].every((count) => [0, 1, 3, 5].includes(count))).toBe(true);
    expect(counts.has(5)).toBe(true);
  });

  test("few drafts if none are accepted, but still some", () => {
    const { scheduler, requests } = decoding(1);
    const counts = steps(scheduler, requests, { ...CHEAP, numAccepted: 0 }, 1000);
    const tried = counts.slice(100).filter((count) => count > 0).length;
    expect(tried).toBeGreaterThan(0);
    expect(tried).toBeLessThan(60);
  });

  test("no drafts if a draft costs as much as another token, no matter how many are accepted", () => {
    const { scheduler, requests } = decoding(16);
    const model: Model = { ms: (num, drafts) => 1.2 * (num + drafts), numAccepted: 20 };
    const counts = steps(scheduler, requests, model, 400);
    const time = counts.reduce((sum, count) => sum + model.ms(16, count), 0);
    expect(time / (400 * model.ms(16, 0))).toBeLessThan(1.05);
  });

  test("more drafts for the request whose drafts are accepted", () => {
    const { scheduler, requests } = decoding(2);
    const [good, bad] = requests as [Request, Request];
    let last: number[] = [];
    for (let i = 0; i < 60; i++) {
      for (const request of requests) request.draftTokenIds = DRAFTS;
      const plan = scheduler.schedule();
      last = plan.scheduled.map(({ numDraftTokens }) => numDraftTokens);
      const result = makeResult(plan, (request) =>
        request === bad ? 99 : [...DRAFTS.slice(0, last[0]), 99],
      );
      const numDrafts = (last[0] ?? 0) + (last[1] ?? 0);
      scheduler.update(plan, { ...result, forwardMs: 10 + 1.5 * numDrafts });
    }
    expect(good.numOutputTokens).toBeGreaterThan(2 * bad.numOutputTokens);
    expect(last).toEqual([15, 0]);
  });

  test("no drafts if there are more requests than the operator allows", () => {
    const { scheduler, requests } = decoding(2, { ...LIMITS, disableByBatchSize: 1 });
    const counts = steps(scheduler, requests, CHEAP, 30);
    expect(Math.max(...counts)).toBe(0);
  });
});

describe("drafts are counted", () => {
  test("per request and step, and by position", () => {
    const scheduler = makeScheduler();
    const requests = [makeRequest("a", 3), makeRequest("b", 3)];
    for (const request of requests) scheduler.add(request);
    let plan = scheduler.schedule();
    scheduler.update(
      plan,
      makeResult(plan, () => 1),
    );
    expect(scheduler.takeStats().specDecode).toBeNull();
    for (const request of requests) request.draftTokenIds = [4, 5, 6];
    plan = scheduler.schedule();
    scheduler.update(
      plan,
      makeResult(plan, (request) => (request === requests[0] ? [4, 5, 9] : [7])),
    );
    expect(scheduler.takeStats().specDecode).toEqual({
      numDrafts: 2,
      numDraftTokens: 6,
      numAcceptedTokens: 2,
      acceptedPerPos: [1, 1],
    });
    expect(scheduler.takeStats().specDecode).toBeNull();
  });
});

test("drafts that are certain to be accepted are verified no matter how many drafts were rejected", () => {
  const { scheduler, requests } = decoding(1);
  const [request] = requests;
  const model = { ms: (_: number, numDrafts: number) => 10 + 3 * numDrafts, numAccepted: 0 };
  expect(steps(scheduler, requests, model, 30).at(-1)).toBe(0);
  for (const isCertain of [false, true]) {
    if (request === undefined) throw new Error("no request");
    request.draftTokenIds = [5, 6, 7];
    request.isDraftCertain = isCertain;
    const plan = scheduler.schedule();
    expect(plan.scheduled[0]?.numDraftTokens).toBe(isCertain ? 3 : 0);
    scheduler.update(
      plan,
      makeResult(plan, () => (isCertain ? [5, 6, 7, 8] : 8)),
    );
  }
});
