// Outputs of steps that yield several tokens: the same text as without drafts, in fewer outputs.

import { expect, test } from "bun:test";
import type { FrontRequest, SequenceOutput } from "../../src/front/output-stream.ts";
import type { IterationStats, SchedulerStats } from "../../src/protocol/stats.ts";
import { DEFAULT_SAMPLING_PARAMS, type SamplingParams } from "../../src/request/sampling-params.ts";
import { makeEngine } from "../support/fake-engine.ts";

const NUM_TOKENS = 12;
const NUM_DRAFTS = 3;

function request(params: Partial<SamplingParams>): FrontRequest {
  return {
    externalId: "cmpl-a",
    prompt: Int32Array.from(Buffer.from("hello")),
    samplingParams: { ...DEFAULT_SAMPLING_PARAMS, maxTokens: NUM_TOKENS, seed: 5n, ...params },
    mustFit: false,
    priority: 0,
    cacheSalt: null,
    arrivalMs: 0,
  };
}

/**
 * Runs one request on a clock that advances one second per step.
 * @param continuation output from which drafts are taken, three per step; empty for no drafts
 */
async function generate(params: Partial<SamplingParams>, continuation: readonly number[] = []) {
  const clock = { ms: 0 };
  const gapsS: number[] = [];
  const record = (_: SchedulerStats, iteration: IterationStats | null) => {
    gapsS.push(...(iteration?.interTokenLatenciesS ?? []));
  };
  const { engine, client, scheduler } = makeEngine({
    nowMs: () => clock.ms,
    engine: { listeners: [{ record }] },
    model: {
      reportedMs: () => {
        clock.ms += 1000;
        return 1000;
      },
    },
  });
  const update = scheduler.update.bind(scheduler);
  scheduler.update = (plan, result) => {
    const sampled = update(plan, result);
    for (const { request } of sampled) {
      const start = request.numOutputTokens;
      request.draftTokenIds = continuation.slice(start, start + NUM_DRAFTS);
    }
    return sampled;
  };
  const outputs: SequenceOutput[] = [];
  for await (const output of engine.generate(request(params))) outputs.push(output);
  const usage = scheduler.kvCache.pool.usage;
  await client.shutdown();
  const tokenIds = outputs.flatMap((output) => [...output.tokenIds]);
  const text = outputs.map((output) => output.text).join("");
  const { finishReason, stopReason } = outputs.at(-1) ?? {};
  return { tokenIds, text, gapsS, usage, finishReason, stopReason };
}

test("several tokens from one step count as one gap and do not change the text", async () => {
  const plain = await generate({});
  expect(plain.gapsS).toEqual(Array(NUM_TOKENS - 1).fill(1));
  const drafted = await generate({}, plain.tokenIds);
  // The steps yield 1, 4, 4, and 3 tokens; the length limit cuts off the last drafts.
  expect(drafted).toEqual({ ...plain, gapsS: [1, 1, 1] });
  expect(plain).toMatchObject({ finishReason: "length", stopReason: null, usage: 0 });
});

test("wrong drafts shorten the step's output but do not change the text", async () => {
  const plain = await generate({});
  const wrong = plain.tokenIds.map((tokenId, i) => (i % 3 === 2 ? 1 : tokenId));
  const drafted = await generate({}, wrong);
  // The steps yield 1, 2, 3, 3, and 3 tokens; each draft step ends with the correction of a wrong draft.
  expect(drafted).toEqual({ ...plain, gapsS: [1, 1, 1, 1] });
});

test.each([
  ["a stop string", (text: string) => ({ stop: [text.slice(5, 7)] })],
  [
    "a stop string included in the output",
    (text: string) => ({ stop: [text.slice(5, 7)], includeStopStrInOutput: true }),
  ],
  ["a stop token", (text: string) => ({ stopTokenIds: [text.charCodeAt(6)] })],
  [
    "a stop string after min_tokens",
    (text: string) => ({ stop: [text.slice(2, 3), text.slice(6, 7)], minTokens: 4 }),
  ],
])("%s in the middle of a step's tokens ends the text there", async (_, paramsOf) => {
  const { text, tokenIds } = await generate({});
  const params = paramsOf(text);
  const plain = await generate(params);
  expect(plain.tokenIds.length).toBeLessThan(NUM_TOKENS);
  const drafted = await generate(params, tokenIds);
  expect(drafted).toEqual({ ...plain, gapsS: drafted.gapsS });
  expect(drafted.gapsS.length).toBeLessThan(plain.gapsS.length);
  expect(drafted).toMatchObject({ finishReason: "stop", usage: 0 });
});
