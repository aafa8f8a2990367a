// Admission rules: an admission counts toward the limit, but a check does not.

import { describe, expect, test } from "bun:test";
import { noneHash } from "../../src/kvcache/block-hash.ts";
import { KvCacheManager } from "../../src/kvcache/kv-cache-manager.ts";
import type { Request } from "../../src/request/request.ts";
import type { AdmissionRule, Candidate } from "../../src/scheduler/admission-rule.ts";
import { admissionRules } from "../../src/scheduler/admission-rules.ts";
import { GrowthReserve } from "../../src/scheduler/growth-reserve.ts";
import { PartialPrefillLimit } from "../../src/scheduler/partial-prefills.ts";
import { makeRequest, makeScheduler } from "../support/make-request.ts";

const blockSize = 16;
const makeKvCache = (numBlocks: number) =>
  new KvCacheManager({
    numBlocks,
    blockSize,
    enablePrefixCaching: true,
    rootHash: noneHash("0"),
    residency: null,
  });

/** A candidate whose first step would compute `numNewTokens` tokens. */
const candidate = (request: Request, numNewTokens = request.numTokens): Candidate => ({
  request,
  cached: [],
  numCachedTokens: 0,
  numNewTokens,
});

/** Checks several times, because a check must not change the result of the next one. */
function answer(rule: AdmissionRule, asked: Candidate): boolean {
  const answers = [0, 1, 2].map(() => rule.admits(asked));
  expect(new Set(answers).size).toBe(1);
  return answers[0] === true;
}

describe("the limit on partial prefills", () => {
  const [whole, part] = [candidate(makeRequest("whole", 8)), candidate(makeRequest("part", 20), 8)];

  test("applies to partial prompts, but always admits whole prompts", () => {
    const rule = new PartialPrefillLimit(2, []);
    for (const expected of [true, true, false]) {
      expect(answer(rule, part)).toBe(expected);
      expect(answer(rule, whole)).toBe(true);
      rule.admitted(whole);
      if (expected) rule.admitted(part);
    }
  });

  test("counts running requests that are planned in the step", () => {
    const scheduler = makeScheduler({ longPrefillTokenThreshold: 8 });
    for (const id of ["a", "b"]) scheduler.add(makeRequest(id, 20, { cacheSalt: id }));
    scheduler.add(makeRequest("c", 8, { cacheSalt: "c" }));
    const { scheduled } = scheduler.schedule();
    expect(scheduled.length).toBe(3);
    expect(answer(new PartialPrefillLimit(2, scheduled), part)).toBe(false);
    expect(answer(new PartialPrefillLimit(3, scheduled), part)).toBe(true);
  });

  test("counts cached tokens as computed", () => {
    const rule = new PartialPrefillLimit(1, []);
    rule.admitted(part);
    const request = makeRequest("a", 20);
    const cached = { request, cached: [1], numCachedTokens: 16, numNewTokens: 4 };
    expect(answer(rule, cached)).toBe(true);
    expect(answer(rule, { ...cached, numNewTokens: 3 })).toBe(false);
  });
});

describe("the growth reserve", () => {
  const limits = { growthReserveTokens: 32, maxModelLen: 4096, blockSize };
  const request = (id: string, numTokens: number) =>
    makeRequest(id, numTokens, { params: { maxTokens: 100 } });

  test("reserves room for running requests, for the candidate, and for requests admitted before it", () => {
    const running = [request("a", 16)];
    const kvCache = makeKvCache(9);
    const rule = new GrowthReserve(limits, kvCache, running);
    // Of the eight free blocks, at most two are reserved, which is a quarter of the pool.
    expect(answer(rule, candidate(request("b", 96)))).toBe(true);
    expect(answer(rule, candidate(request("b", 97)))).toBe(false);
    const large = makeKvCache(101);
    const roomy = new GrowthReserve(limits, large, running);
    const largest = (numBlocks: number) => candidate(request("b", numBlocks * blockSize));
    expect(answer(roomy, largest(96))).toBe(true);
    expect(answer(roomy, largest(97))).toBe(false);
    roomy.admitted(candidate(request("c", 16)));
    expect(answer(roomy, largest(94))).toBe(true);
    expect(answer(roomy, largest(95))).toBe(false);
  });

  test("does not apply to the first request to run", () => {
    const running: Request[] = [];
    const rule = new GrowthReserve(limits, makeKvCache(3), running);
    const all = candidate(request("a", 33));
    expect(answer(rule, all)).toBe(true);
    running.push(all.request);
    expect(answer(rule, all)).toBe(false);
  });
});

test("admission rules are created only for limits that are set", () => {
  const kvCache = makeKvCache(9);
  const admitted = { kvCache, running: [], scheduled: [] };
  const off = {
    blockSize,
    maxModelLen: 64,
    maxNumPartialPrefills: null,
    growthReserveTokens: null,
  };
  const kinds = (on: Partial<typeof off> | object) =>
    admissionRules({ ...off, ...on }, admitted).map((rule) => rule.constructor);
  expect(kinds({})).toEqual([]);
  expect(kinds({ maxNumPartialPrefills: 1 })).toEqual([PartialPrefillLimit]);
  expect(kinds({ growthReserveTokens: 0 })).toEqual([GrowthReserve]);
  expect(kinds({ maxNumPartialPrefills: 1, growthReserveTokens: 96 }).length).toBe(2);
});
