// Statistics that a message from the engine yields for requests with several sequences.

import { expect, test } from "bun:test";
import { IterationStatsBuilder, type ParentProgress } from "../../src/front/iteration-stats.ts";
import { RequestTracker } from "../../src/front/request-tracker.ts";
import type { RequestOutput } from "../../src/protocol/protocol.ts";
import { DEFAULT_SAMPLING_PARAMS } from "../../src/request/sampling-params.ts";

function parentOf(requestIds: readonly string[]): ParentProgress {
  const samplingParams = { ...DEFAULT_SAMPLING_PARAMS, n: requestIds.length };
  const tracker = new RequestTracker({
    request: {
      ...{ prompt: Int32Array.of(1), samplingParams, mustFit: true },
      ...{ externalId: "cmpl-a", priority: 0, cacheSalt: null, arrivalMs: 0 },
    },
    requestIds,
    arrival: { ms: 0, stayedMs: 0 },
    maxUnreadBytes: null,
    abort: () => {},
  });
  return { tracker, maxNumGenerationTokens: 0 };
}

const progressOf = (parent: ParentProgress, index: number) => ({
  ...{ parent, index, numGenerationTokens: 0, numPreemptions: 0, lastTokenS: null },
});

function lastOutput(requestId: string, tokenIds: readonly number[]): RequestOutput {
  return {
    ...{ requestId, text: "", tokenIds, tokenTimesS: tokenIds.map(() => 1) },
    ...{ logprobs: null, promptLogprobs: null, finishReason: "length", stopReason: null },
    ...{ parts: null, numReasoningTokens: 0, predictionTokens: null, promptProgress: null },
    ...{ numPromptTokens: 1, numCachedTokens: 0, numPreemptions: 0, isCorrupted: false },
    timeline: { queuedS: 0, scheduledS: 0, firstTokenS: 1, lastTokenS: 1 },
  };
}

const builder = () => new IterationStatsBuilder(2000, 1024);

test("iteration statistics do not end sequences: a request runs until the front ends each one", () => {
  const parent = parentOf(["a"]);
  const stats = builder();
  stats.add(progressOf(parent, 0), lastOutput("a", [7]));
  expect(parent.tracker.isDone).toBe(false);
  expect(stats.build().finishedParents).toEqual([]);
  parent.tracker.endSequence();
  expect(parent.tracker.isDone).toBe(true);
});

test("counts a request once, with its longest sequence, in the message that ends the last one", () => {
  const parent = parentOf(["a", "b"]);
  const [first, second] = [builder(), builder()];
  parent.tracker.endSequence();
  first.add(progressOf(parent, 0), lastOutput("a", [7, 8, 9]));
  parent.tracker.endSequence();
  second.add(progressOf(parent, 1), lastOutput("b", [7]));
  expect(first.build().finishedParents).toEqual([]);
  expect(second.build().finishedParents).toEqual([{ n: 2, maxNumGenerationTokens: 3 }]);
  expect(second.build().finished).toMatchObject([{ finishReason: "length", e2eLatencyS: 2 }]);
});

test("counts a sequence without tokens as finished, with no token observations", () => {
  const parent = parentOf(["a"]);
  const stats = builder();
  parent.tracker.endSequence();
  stats.add(progressOf(parent, 0), lastOutput("a", []));
  expect(stats.build()).toMatchObject({
    ...{ timeToFirstTokensS: [], interTokenLatenciesS: [], iterationTokens: [] },
    finishedParents: [{ n: 1, maxNumGenerationTokens: 0 }],
  });
});
