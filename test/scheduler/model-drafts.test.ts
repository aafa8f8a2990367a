// The draft model's drafts: the tokens that it computes in a step before it predicts. Blocks have 16 tokens; their ids are 1, 2, ...

import { describe, expect, test } from "bun:test";
import { MODEL_DRAFT } from "../../src/request/model-draft.ts";
import type { Request } from "../../src/request/request.ts";
import type { Scheduler } from "../../src/scheduler/scheduler.ts";
import type { StepPlan } from "../../src/scheduler/scheduler-output.ts";
import { makeRequest, makeResult, makeScheduler, step } from "../support/make-request.ts";

/** Adds a request that has sampled its first token, with three drafts from the draft model after it. */
function drafting(scheduler: Scheduler, numPromptTokens: number, requestId = "a"): Request {
  const request = makeRequest(requestId, numPromptTokens, { params: { maxTokens: 100 } });
  scheduler.add(request);
  step(scheduler);
  propose(request);
  return request;
}

function propose(request: Request): void {
  request.draftTokenIds = [MODEL_DRAFT, MODEL_DRAFT, MODEL_DRAFT];
}

/** Positions to catch up on, and the number of drafts, of each planned request. */
const planned = ({ scheduled }: StepPlan) =>
  scheduled.map(({ request, catchUp, numDraftTokens }) => [
    request.requestId,
    catchUp && [catchUp.start, catchUp.end],
    numDraftTokens,
  ]);

/** Runs a planned step in which every request samples `tokenIds`. */
function finishStep(scheduler: Scheduler, plan: StepPlan, tokenIds: readonly number[]): void {
  scheduler.update(
    plan,
    makeResult(plan, () => tokenIds),
  );
  for (const { request } of plan.scheduled) propose(request);
}

describe("before its first drafts for a request, the draft model computes", () => {
  test("the whole prompt", () => {
    const scheduler = makeScheduler();
    drafting(scheduler, 20);
    expect(planned(scheduler.schedule())).toEqual([["a", [0, 20], 3]]);
  });

  test("at most 256 tokens in a step, without drafts until it has caught up", () => {
    const scheduler = makeScheduler();
    drafting(scheduler, 500);
    const first = scheduler.schedule();
    expect(planned(first)).toEqual([["a", [0, 256], 0]]);
    expect(first.numScheduledTokens).toBe(1);
    finishStep(scheduler, first, [7]);
    expect(planned(scheduler.schedule())).toEqual([["a", [256, 501], 3]]);
  });

  test("less if its passes have less room, shared by the requests in order", () => {
    const scheduler = makeScheduler({ maxNumBatchedTokens: 30, enablePrefixCaching: false });
    const first = drafting(scheduler, 18, "a");
    first.dropDraft();
    drafting(scheduler, 18, "b");
    propose(first);
    expect(planned(scheduler.schedule())).toEqual([
      ["a", [0, 19], 3],
      ["b", [0, 9], 0],
    ]);
  });

  test("only the rest of a prefix that it has computed for another request", () => {
    const scheduler = makeScheduler();
    drafting(scheduler, 40, "a");
    finishStep(scheduler, scheduler.schedule(), [7]);
    scheduler.add(makeRequest("b", 50, { params: { maxTokens: 100 } }));
    finishStep(scheduler, scheduler.schedule(), [7]);
    expect(planned(scheduler.schedule()).at(-1)).toEqual(["b", [32, 50], 3]);
  });
});

describe("after a step, the draft model computes", () => {
  test.each<[string, readonly number[], readonly [number, number]]>([
    ["no known token again if all drafts were rejected", [7], [21, 21]],
    ["no known token again if some were rejected", [7, 7], [22, 22]],
    ["the last draft, which it only predicted, if all were accepted", [7, 7, 7, 7], [23, 24]],
  ])("%s", (_, tokenIds, range) => {
    const scheduler = makeScheduler();
    drafting(scheduler, 20);
    finishStep(scheduler, scheduler.schedule(), tokenIds);
    expect(planned(scheduler.schedule())).toEqual([["a", [...range], 3]]);
  });

  test("everything again if the request was preempted and its blocks were reused", () => {
    const scheduler = makeScheduler({ enablePrefixCaching: false });
    const request = drafting(scheduler, 20);
    finishStep(scheduler, scheduler.schedule(), [7]);
    scheduler.preemptAll();
    step(scheduler);
    propose(request);
    expect(planned(scheduler.schedule())).toEqual([["a", [0, 22], 3]]);
  });
});

describe("the draft model computes nothing", () => {
  test("for a prompt, even one that samples a token", () => {
    const scheduler = makeScheduler();
    const request = makeRequest("a", 20);
    propose(request);
    scheduler.add(request);
    expect(planned(scheduler.schedule())).toEqual([["a", undefined, 0]]);
  });

  test("if no block is free for a draft and it has caught up", () => {
    const scheduler = makeScheduler({ numBlocks: 3 });
    scheduler.add(makeRequest("b", 8, { cacheSalt: "b", params: { maxTokens: 100 } }));
    drafting(scheduler, 14);
    const plan = scheduler.schedule();
    expect(planned(plan).at(-1)).toEqual(["a", [0, 14], 1]);
    finishStep(scheduler, plan, [7]);
    expect(planned(scheduler.schedule()).at(-1)).toEqual(["a", undefined, 0]);
  });

  test("after a fault", () => {
    const scheduler = makeScheduler();
    const request = drafting(scheduler, 20);
    const plan = scheduler.schedule();
    scheduler.update(plan, { ...makeResult(plan, () => 7), draftFault: "nan" });
    propose(request);
    expect(planned(scheduler.schedule())).toEqual([["a", undefined, 0]]);
  });
});
