// Work that overlaps with a step, and streams that keep flowing next to a long prompt. The clock is manual:
// it advances only in the model's steps.

import { describe, expect, test } from "bun:test";
import type { FrontRequest } from "../../src/front/output-stream.ts";
import type { IterationStats, SchedulerStats } from "../../src/protocol/stats.ts";
import { DEFAULT_SAMPLING_PARAMS } from "../../src/request/sampling-params.ts";
import type { TargetInterTokenLatency } from "../../src/scheduler/step-budget.ts";
import { makeEngine } from "../support/fake-engine.ts";

function request(numTokens: number, maxTokens: number): FrontRequest {
  return {
    externalId: "cmpl-a",
    prompt: new Int32Array(numTokens).fill(65),
    samplingParams: { ...DEFAULT_SAMPLING_PARAMS, temperature: 0, maxTokens, ignoreEos: true },
    mustFit: false,
    priority: 0,
    cacheSalt: null,
    arrivalMs: 0,
  };
}

async function drain(outputs: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of outputs);
}

describe("step overlap", () => {
  test("delivers a step's outputs while the next step runs", async () => {
    const { client, runner } = makeEngine();
    const events: string[] = [];
    const run = runner.run.bind(runner);
    runner.run = (plan) => {
      events.push(`run ${plan.stepId}`);
      return run(plan);
    };
    let numTokens = 0;
    const done = new Promise<void>((resolve) => {
      client.onOutputs(({ outputs }) => {
        for (const output of outputs) {
          events.push(`token ${numTokens++}`);
          if (output.finishReason !== null) resolve();
        }
      });
    });
    client.add({
      ...{ externalId: "cmpl-a", requestIds: ["a"], prompt: Int32Array.of(1, 2, 3) },
      ...{ mustFit: false, priority: 0, cacheSalt: null },
      samplingParams: { ...DEFAULT_SAMPLING_PARAMS, temperature: 0, maxTokens: 3, ignoreEos: true },
    });
    await done;
    expect(events).toEqual(["run 0", "run 1", "token 0", "run 2", "token 1", "token 2"]);
  });
});

/**
 * Adds a 900-token prompt while a stream decodes, then another by itself. Steps take 5 ms plus 1 ms per
 * token.
 */
async function longPromptBesideStream(target: TargetInterTokenLatency) {
  const clock = { ms: 0 };
  const sizes: number[] = [];
  const gapsMs: number[] = [];
  const record = (_: SchedulerStats, iteration: IterationStats | null) => {
    for (const gapS of iteration?.interTokenLatenciesS ?? []) gapsMs.push(gapS * 1000);
  };
  const { engine, client } = makeEngine({
    scheduler: { targetInterTokenLatencyMs: target, numBlocks: 257, enablePrefixCaching: false },
    nowMs: () => clock.ms,
    engine: { listeners: [{ record }] },
    model: {
      reportedMs: ({ numScheduledTokens }) => {
        if (sizes.push(numScheduledTokens) === 8) beginPrompt();
        clock.ms += 5 + numScheduledTokens;
        return 5 + numScheduledTokens;
      },
    },
  });
  const stream = engine.generate(request(64, 900));
  const streaming = drain(stream);
  const beginPrompt = () => void drain(engine.generate(request(900, 1))).then(() => stream.abort());
  await streaming;
  await drain(engine.generate(request(900, 1)));
  await client.shutdown();
  return { sizes: sizes.slice(8).filter((size) => size > 1), longestGapMs: Math.max(...gapsMs) };
}

describe("a long prompt next to a stream", () => {
  test("is chunked to keep the stream's gaps below the target, but gets full steps when it runs by itself", async () => {
    const { sizes, longestGapMs } = await longPromptBesideStream(100);
    // The stream takes 6 ms, which leaves 94 ms for prefill: 80 tokens, in steps of 81.
    expect(sizes).toEqual([...Array(11).fill(81), 21, 512, 388]);
    expect(longestGapMs).toBeCloseTo(86, 6);
  });

  test("stalls the stream for the whole prefill if there is no target", async () => {
    const { sizes, longestGapMs } = await longPromptBesideStream(null);
    expect(sizes).toEqual([512, 390, 512, 388]);
    expect(longestGapMs).toBeCloseTo(517, 6);
  });
});
