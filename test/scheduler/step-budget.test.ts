// A step's token budget, from measured step times. A decoding request takes 2 ms and a prefill
// token 1 ms, unless a test says otherwise.

import { describe, expect, test } from "bun:test";
import type { Request } from "../../src/request/request.ts";
import type { Scheduler, SchedulerConfig } from "../../src/scheduler/scheduler.ts";
import type { StepPlan } from "../../src/scheduler/scheduler-output.ts";
import { makeRequest, makeResult, makeScheduler, summary } from "../support/make-request.ts";

const isDecode = ({
  numScheduledTokens,
  numComputedTokens,
  request,
}: StepPlan["scheduled"][number]) =>
  numScheduledTokens === 1 && numComputedTokens >= request.numPromptTokens;

/** Runs one step. @returns the number of tokens for each planned request */
function step(scheduler: Scheduler, msOf = worldMs): number[] {
  const plan = scheduler.schedule();
  const forwardMs = msOf(plan);
  const sizes = summary(plan).map(([, , numTokens]) => Number(numTokens));
  scheduler.update(plan, { ...makeResult(plan, () => 7), forwardMs });
  return sizes;
}

function worldMs({ scheduled, numScheduledTokens }: StepPlan): number {
  const numDecodes = scheduled.filter(isDecode).length;
  return 2 * numDecodes + (numScheduledTokens - numDecodes);
}

function steps(scheduler: Scheduler, count: number): number[][] {
  return Array.from({ length: count }, () => step(scheduler));
}

function makeWorld(config: Partial<SchedulerConfig> = {}): Scheduler {
  return makeScheduler({ numBlocks: 257, enablePrefixCaching: false, ...config });
}

/** Adds decoding requests d0, d1, ... and runs a few steps. */
function addStreams(scheduler: Scheduler, count: number): Request[] {
  const streams = Array.from({ length: count }, (_, i) => makeRequest(`d${i}`, 32));
  for (const request of streams) scheduler.add(request);
  steps(scheduler, 3);
  return streams;
}

describe("a step's token budget", () => {
  test("is the maximum as long as no request is decoding", () => {
    const scheduler = makeWorld({ targetInterTokenLatencyMs: 50 });
    scheduler.add(makeRequest("a", 1200));
    expect(steps(scheduler, 3)).toEqual([[512], [512], [176]]);
  });

  test("keeps a step with decoding requests within the target, in whole chunks of 16", () => {
    const scheduler = makeWorld({ targetInterTokenLatencyMs: 50 });
    addStreams(scheduler, 4);
    scheduler.add(makeRequest("long", 100));
    // 4 streams take 8 ms, which leaves time for 42 tokens: two chunks, 32 tokens.
    expect(steps(scheduler, 5)).toEqual([
      [1, 1, 1, 1, 32],
      [1, 1, 1, 1, 32],
      [1, 1, 1, 1, 32],
      [1, 1, 1, 1, 4],
      [1, 1, 1, 1, 1],
    ]);
  });

  test("recovers once the decoding requests have ended", () => {
    const scheduler = makeWorld({ targetInterTokenLatencyMs: 50 });
    const [stream] = addStreams(scheduler, 1);
    scheduler.add(makeRequest("long", 1000));
    expect(steps(scheduler, 2)).toEqual([
      [1, 48],
      [1, 48],
    ]);
    scheduler.finish(stream as Request, "FINISHED_ABORTED");
    expect(steps(scheduler, 2)).toEqual([[512], [392]]);
  });

  test("is unlimited if there is no target", () => {
    const scheduler = makeWorld();
    addStreams(scheduler, 4);
    scheduler.add(makeRequest("long", 1000));
    expect(step(scheduler)).toEqual([1, 1, 1, 1, 508]);
  });

  test('with "auto", allows the larger of 80 ms and four times the decoding time', () => {
    const scheduler = makeWorld({ targetInterTokenLatencyMs: "auto" });
    addStreams(scheduler, 4);
    scheduler.add(makeRequest("long", 1000));
    expect(step(scheduler)).toEqual([1, 1, 1, 1, 64]);

    const slow = makeWorld({ targetInterTokenLatencyMs: "auto" });
    const slowMs = (plan: StepPlan) => 20 * worldMs(plan);
    slow.add(makeRequest("d", 32));
    for (let i = 0; i < 3; i++) step(slow, slowMs);
    slow.add(makeRequest("long", 1000));
    // Decoding takes 40 ms. The other 160 - 40 ms fit 6 tokens of 20 ms, less than the smallest chunk.
    expect(step(slow, slowMs)).toEqual([1, 16]);
  });

  test("always lets a prompt make progress, no matter how short the target is", () => {
    const scheduler = makeWorld({ targetInterTokenLatencyMs: 1 });
    addStreams(scheduler, 4);
    scheduler.add(makeRequest("long", 40));
    expect(steps(scheduler, 3)).toEqual([
      [1, 1, 1, 1, 16],
      [1, 1, 1, 1, 16],
      [1, 1, 1, 1, 8],
    ]);
  });

  test("stays within maxNumBatchedTokens", () => {
    const scheduler = makeWorld({
      targetInterTokenLatencyMs: 10_000,
      maxNumBatchedTokens: 40,
      maxNumSeqs: 30,
    });
    addStreams(scheduler, 3);
    scheduler.add(makeRequest("long", 100));
    expect(step(scheduler)).toEqual([1, 1, 1, 32]);
    const narrow = makeWorld({ targetInterTokenLatencyMs: 10_000, maxNumBatchedTokens: 8 });
    narrow.add(makeRequest("d", 4));
    step(narrow);
    narrow.add(makeRequest("long", 100));
    expect(step(narrow)).toEqual([1, 7]);
  });

  test("gives every running request at least one token, in any order of arrival", () => {
    const scheduler = makeWorld({
      targetInterTokenLatencyMs: 1,
      longPrefillTokenThreshold: 100,
    });
    scheduler.add(makeRequest("long", 1000));
    scheduler.add(makeRequest("longer", 2000));
    scheduler.add(makeRequest("short", 16));
    expect(steps(scheduler, 3)).toEqual([
      [100, 100, 16],
      [15, 1, 1],
      [15, 1, 1],
    ]);
  });

  test("counts recomputation after a preemption as prefill", () => {
    const scheduler = makeWorld({ targetInterTokenLatencyMs: 1 });
    addStreams(scheduler, 2);
    scheduler.preemptAll();
    expect(step(scheduler)).toEqual([35, 35]);
  });
});
