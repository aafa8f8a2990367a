// OutputProcessor: one output for all tokens that a step samples for a request.

import { describe, expect, test } from "bun:test";
import { OutputProcessor } from "../../../src/engine/text/output-processor.ts";
import type { Request } from "../../../src/request/request.ts";
import type { SamplingParams } from "../../../src/request/sampling-params.ts";
import type { SampledTokens } from "../../../src/scheduler/scheduler-output.ts";
import { FakeTokenizer } from "../../support/fake-model-runner.ts";
import { makeRequest } from "../../support/make-request.ts";

function start(params: Partial<SamplingParams> = {}) {
  const processor = new OutputProcessor(new FakeTokenizer());
  const request = makeRequest("a", 3, { params: { maxTokens: 50, ...params } });
  processor.add(request, 1);
  processor.markScheduled(request, 2);
  return { processor, request };
}

/** Appends the tokens of one step, like the scheduler. */
function sampled(request: Request, text: string, rest: Partial<SampledTokens> = {}): SampledTokens {
  const tokenIds = [...Buffer.from(text)];
  for (const tokenId of tokenIds) request.appendOutputToken(tokenId);
  return { request, tokenIds, logprobs: null, isCorrupted: false, stopReason: null, ...rest };
}

const position = (tokenId: number) => ({ chosen: { tokenId, logprob: -1, rank: 1 }, top: [] });

describe("several tokens from one step", () => {
  test("form one output, with the same time for all", () => {
    const { processor, request } = start();
    const { output, stopped } = processor.process(sampled(request, "abc"), 3);
    expect(output).toMatchObject({
      text: "abc",
      tokenIds: [97, 98, 99],
      tokenTimesS: [3, 3, 3],
      finishReason: null,
      timeline: { queuedS: 1, scheduledS: 2, firstTokenS: 3, lastTokenS: 3 },
    });
    expect(stopped).toBe(false);
  });

  test("are truncated after the token that completes a stop string, including logprobs", () => {
    const { processor, request } = start({ stop: ["bc"], logprobs: 0 });
    const logprobs = [97, 98, 99, 100].map(position);
    const { output, stopped } = processor.process(sampled(request, "abcd", { logprobs }), 3);
    expect(output).toMatchObject({
      ...{ text: "a", tokenIds: [97, 98, 99], tokenTimesS: [3, 3, 3] },
      ...{ finishReason: "stop", stopReason: "bc" },
    });
    expect(output.logprobs?.map(({ chosen }) => chosen.tokenId)).toEqual([97, 98, 99]);
    expect(stopped).toBe(true);
    expect(processor.numRequests).toBe(0);
  });

  test("end at a stop string even if a later token ended the request for another reason", () => {
    const { processor, request } = start({ stop: ["b"] });
    const tokens = sampled(request, "abx", { stopReason: 120 });
    request.transition("RUNNING");
    request.transition("FINISHED_STOPPED");
    const { output } = processor.process(tokens, 3);
    expect(output).toMatchObject({ text: "a", tokenIds: [97, 98], finishReason: "stop" });
    expect(output.stopReason).toBe("b");
  });

  test("match stop strings only after the first minTokens tokens", () => {
    const { processor, request } = start({ stop: ["b"], minTokens: 2 });
    const first = processor.process(sampled(request, "ab"), 3);
    expect(first).toMatchObject({ output: { text: "ab" }, stopped: false });
    const second = processor.process(sampled(request, "cbd"), 4);
    expect(second.output).toMatchObject({ text: "c", tokenIds: [99, 98], stopReason: "b" });
  });

  test("omit only a final stop token's text", () => {
    const { processor, request } = start();
    const tokens = sampled(request, "axx", { stopReason: 120 });
    request.transition("RUNNING");
    request.transition("FINISHED_STOPPED");
    const { output } = processor.process(tokens, 3);
    expect(output).toMatchObject({ text: "ax", tokenIds: [97, 120, 120], stopReason: 120 });
  });

  test("include a held-back stop string prefix if the length limit ends the output", () => {
    const { processor, request } = start({ stop: ["bcd"] });
    const tokens = sampled(request, "abc");
    request.transition("RUNNING");
    request.transition("FINISHED_LENGTH_CAPPED");
    const { output, stopped } = processor.process(tokens, 3);
    expect(output).toMatchObject({ text: "abc", finishReason: "length", stopReason: null });
    expect(stopped).toBe(false);
  });

  test("can each hold some bytes of one character", () => {
    const { processor, request } = start();
    expect(processor.process(sampled(request, "a€b"), 3).output.text).toBe("a€b");
  });
});
