// Sampled blocks in a scheduler's messages: each message reports the blocks evicted since the previous one.
// Blocks have 16 tokens and the ids 1, 2, 3, ...; every allocation is sampled; the clock is manual.

import { describe, expect, test } from "bun:test";
import { makeRequest, makeScheduler, step, summary } from "../support/make-request.ts";
import { makeResidency } from "../support/residency.ts";

/** Eviction of a block that was never hit. */
const unhit = (lifetimeS: number) => ({ lifetimeS, idleS: lifetimeS, reuseGapsS: [] });

const once = { params: { maxTokens: 1 } };

describe("evicted blocks", () => {
  test("are reported once, in the next message, and only when their space is needed", () => {
    const { residency, at } = makeResidency();
    const scheduler = makeScheduler({ numBlocks: 3, residency });
    scheduler.add(makeRequest("a", 32, once));
    at(1, () => step(scheduler));
    expect(scheduler.kvCache.pool.usage).toBe(0);
    expect(scheduler.takeStats().blockEvictions).toEqual([]);
    scheduler.add(makeRequest("b", 16, { ...once, cacheSalt: "b" }));
    at(4, () => step(scheduler));
    expect(scheduler.takeStats().blockEvictions).toEqual([unhit(3)]);
    expect(scheduler.takeStats().blockEvictions).toEqual([]);
  });

  test("from one step are reported together, in eviction order", () => {
    const { residency, at } = makeResidency();
    const scheduler = makeScheduler({ numBlocks: 4, residency });
    for (const [nowS, id] of ["a", "b", "c"].entries()) {
      scheduler.add(makeRequest(id, 16, { ...once, cacheSalt: id }));
      at(nowS, () => step(scheduler));
    }
    scheduler.add(makeRequest("d", 48, { ...once, cacheSalt: "d" }));
    at(8, () => step(scheduler));
    expect(scheduler.takeStats().blockEvictions).toEqual([unhit(8), unhit(7), unhit(6)]);
  });

  test("are reported with their hits by admitted requests", () => {
    const { residency, at } = makeResidency();
    const scheduler = makeScheduler({ numBlocks: 3, residency });
    for (const nowS of [0, 1, 3, 7]) {
      scheduler.add(makeRequest(`r${nowS}`, 17, once));
      at(nowS, () => step(scheduler));
    }
    scheduler.takeStats();
    scheduler.add(makeRequest("other", 32, { ...once, cacheSalt: "other" }));
    at(10, () => step(scheduler));
    expect(scheduler.takeStats().blockEvictions).toEqual([
      unhit(3),
      { lifetimeS: 10, idleS: 3, reuseGapsS: [2, 4] },
    ]);
  });

  test("are not reported if prefix caching is off, since no block is evicted", () => {
    const { residency, at } = makeResidency();
    const scheduler = makeScheduler({ numBlocks: 3, residency, enablePrefixCaching: false });
    for (const [nowS, id] of ["a", "b", "c"].entries()) {
      scheduler.add(makeRequest(id, 32, once));
      at(nowS, () => step(scheduler));
    }
    expect(scheduler.takeStats().blockEvictions).toEqual([]);
  });

  test("are not reported if sampling is off", () => {
    const scheduler = makeScheduler({ numBlocks: 3 });
    for (const id of ["a", "b"]) {
      scheduler.add(makeRequest(id, 32, { ...once, cacheSalt: id }));
      step(scheduler);
    }
    expect(scheduler.takeStats().blockEvictions).toEqual([]);
  });
});

test("a preempted request's blocks stay until other requests need them; the rest are hits when it resumes", () => {
  const { residency, at } = makeResidency();
  const scheduler = makeScheduler({ numBlocks: 5, residency });
  const first = makeRequest("a", 32);
  scheduler.add(first);
  const victim = makeRequest("b", 32, { cacheSalt: "b" });
  scheduler.add(victim);
  at(0, () => step(scheduler));
  const plan = at(2, () => step(scheduler));
  expect(victim.status).toBe("PREEMPTED");
  expect(summary(plan)).toEqual([["a", 32, 1, [1, 2, 4]]]);
  expect(scheduler.takeStats().blockEvictions).toEqual([unhit(2)]);
  scheduler.finish(first, "FINISHED_ABORTED");
  expect(summary(at(5, () => step(scheduler)))).toEqual([["b", 16, 17, [3, 4, 2]]]);
  expect(scheduler.takeStats().blockEvictions).toEqual([unhit(3), unhit(5)]);
  scheduler.finish(victim, "FINISHED_ABORTED");
  scheduler.add(makeRequest("c", 64, { ...once, cacheSalt: "c" }));
  at(6, () => step(scheduler));
  expect(scheduler.takeStats().blockEvictions).toEqual([
    unhit(6),
    unhit(1),
    unhit(1),
    { lifetimeS: 6, idleS: 1, reuseGapsS: [] },
  ]);
});

describe("forks (n > 1)", () => {
  test("access each shared block once", () => {
    const { residency, at } = makeResidency();
    const scheduler = makeScheduler({ numBlocks: 5, residency });
    const source = makeRequest("a", 20);
    const children = [1, 2].map((i) => makeRequest(`a-${i}`, 20, { forkOf: source }));
    for (const request of [source, ...children]) scheduler.add(request);
    at(0, () => step(scheduler));
    at(2, () => step(scheduler));
    for (const request of [source, ...children]) scheduler.finish(request, "FINISHED_ABORTED");
    scheduler.add(makeRequest("b", 64, { ...once, cacheSalt: "b" }));
    at(5, () => step(scheduler));
    expect(scheduler.takeStats().blockEvictions).toEqual([
      { lifetimeS: 5, idleS: 3, reuseGapsS: [0] },
      unhit(3),
      unhit(3),
      { lifetimeS: 5, idleS: 3, reuseGapsS: [0] },
    ]);
  });

  test("access no blocks if there is no room for their copy", () => {
    const { residency, at } = makeResidency();
    const scheduler = makeScheduler({ numBlocks: 3, residency });
    const source = makeRequest("a", 20);
    const child = makeRequest("a-1", 20, { forkOf: source });
    for (const request of [source, child]) scheduler.add(request);
    at(0, () => step(scheduler));
    at(2, () => step(scheduler));
    expect(child.status).toBe("WAITING");
    for (const request of [source, child]) scheduler.finish(request, "FINISHED_ABORTED");
    scheduler.add(makeRequest("b", 32, { ...once, cacheSalt: "b" }));
    at(5, () => step(scheduler));
    expect(scheduler.takeStats().blockEvictions).toEqual([unhit(5), unhit(5)]);
  });
});

test("blocks of a failed step are evicted immediately", () => {
  const { residency, at } = makeResidency();
  const scheduler = makeScheduler({ numBlocks: 3, residency });
  scheduler.add(makeRequest("a", 20));
  const plan = at(0, () => scheduler.schedule());
  at(3, () => scheduler.failStep(plan));
  expect(scheduler.takeStats().blockEvictions).toEqual([unhit(3), unhit(3)]);
});
