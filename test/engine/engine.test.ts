// The engine loop with the fake model: outputs, their order, and statistics.

import { describe, expect, test } from "bun:test";
import { InProcessEngine } from "../../src/engine/in-process-engine.ts";
import { Front } from "../../src/front/front.ts";
import type { FrontRequest, SequenceOutput } from "../../src/front/output-stream.ts";
import type { IterationStats, SchedulerStats, StatListener } from "../../src/protocol/stats.ts";
import { DEFAULT_SAMPLING_PARAMS, type SamplingParams } from "../../src/request/sampling-params.ts";
import { makeEngine, makeEngineParts } from "../support/fake-engine.ts";
import { settled, until } from "../support/waiting.ts";

class Recorder implements StatListener {
  readonly scheduler: SchedulerStats[] = [];
  readonly iterations: IterationStats[] = [];

  record(scheduler: SchedulerStats, iteration: IterationStats | null): void {
    this.scheduler.push(scheduler);
    if (iteration !== null) this.iterations.push(iteration);
  }

  sum(of: (stats: IterationStats) => number): number {
    return this.iterations.reduce((total, stats) => total + of(stats), 0);
  }

  get finished() {
    return this.iterations.flatMap(({ finished }) => finished);
  }
}

function request(prompt: string, params: Partial<SamplingParams> = {}): FrontRequest {
  return {
    externalId: "cmpl-a",
    prompt: Int32Array.from(new TextEncoder().encode(prompt)),
    samplingParams: { ...DEFAULT_SAMPLING_PARAMS, temperature: 0, maxTokens: 4, ...params },
    mustFit: false,
    priority: 0,
    cacheSalt: null,
    arrivalMs: performance.now(),
  };
}

async function collect(outputs: AsyncIterable<SequenceOutput>) {
  const all: SequenceOutput[] = [];
  for await (const output of outputs) all.push(output);
  const text = all.map((output) => output.text).join("");
  return { all, text, last: all.at(-1) };
}

describe("engine", () => {
  test("generates text, finishes with a reason, and leaves no state behind", async () => {
    const { engine, scheduler } = makeEngine();
    const { text, last } = await collect(engine.generate(request("hello")));
    expect(text).toHaveLength(4);
    expect(last).toMatchObject({ finishReason: "length", stopReason: null, index: 0 });
    expect(engine.numLiveSequences).toBe(0);
    expect(scheduler.kvCache.pool.usage).toBe(0);
  });

  test("reports a token limit that fits in the context", async () => {
    const recorder = new Recorder();
    const options = { scheduler: { maxModelLen: 32 }, engine: { listeners: [recorder] } };
    const { engine } = makeEngine(options);
    await collect(engine.generate(request("hello", { maxTokens: 1000 })));
    expect(recorder.finished).toMatchObject([{ maxTokensParam: 27, numGenerationTokens: 27 }]);
  });

  test("R requests with P prompt and M output tokens change the statistics by exactly those numbers", async () => {
    const recorder = new Recorder();
    const { engine } = makeEngine({ engine: { listeners: [recorder] } });
    const prompts = ["alpha", "gamma", "delta"];
    for (const prompt of prompts) await collect(engine.generate(request(prompt)));
    await settled();
    expect(recorder.sum((stats) => stats.numPromptTokens)).toBe(15);
    expect(recorder.sum((stats) => stats.numGenerationTokens)).toBe(12);
    expect(recorder.sum((stats) => stats.timeToFirstTokensS.length)).toBe(3);
    expect(recorder.sum((stats) => stats.interTokenLatenciesS.length)).toBe(9);
    expect(recorder.iterations.flatMap(({ iterationTokens }) => iterationTokens).length).toBe(12);
    expect(recorder.finished.map(({ finishReason }) => finishReason)).toEqual([
      "length",
      "length",
      "length",
    ]);
    expect(recorder.scheduler.at(-1)).toMatchObject({ numRunningReqs: 0, numWaitingReqs: 0 });
    for (const { inferenceTimeS, prefillTimeS, decodeTimeS, e2eLatencyS } of recorder.finished) {
      expect(inferenceTimeS).toBeCloseTo(prefillTimeS + decodeTimeS, 9);
      expect(e2eLatencyS).toBeGreaterThanOrEqual(decodeTimeS);
    }
  });

  test("a stop string that spans tokens ends the text before it", async () => {
    const { engine } = makeEngine();
    const { text } = await collect(engine.generate(request("hello", { maxTokens: 8 })));
    const stop = text.slice(3, 6);
    const stopped = await collect(
      engine.generate(request("hello", { maxTokens: 8, stop: [stop] })),
    );
    expect(stopped.text).toBe(text.slice(0, text.indexOf(stop)));
    expect(stopped.last).toMatchObject({ finishReason: "stop", stopReason: stop });
  });

  test("an aborted request finishes with a reason and frees its blocks, even in the middle of a step", async () => {
    const recorder = new Recorder();
    const { engine, scheduler } = makeEngine({
      model: { stepTurns: 3 },
      engine: { listeners: [recorder] },
    });
    const stream = engine.generate(request("hello", { maxTokens: 500 }));
    const reading = collect(stream);
    await until(() => recorder.iterations.length > 1);
    stream.abort();
    expect(scheduler.kvCache.pool.usage).toBe(0);
    expect((await reading).last).toMatchObject({ finishReason: "abort" });
    expect(recorder.finished.at(-1)).toMatchObject({ finishReason: "abort" });
    await settled();
    expect(recorder.scheduler.at(-1)).toMatchObject({ numRunningReqs: 0, kvCacheUsage: 0 });
  });

  test("aborts when the caller exits the loop", async () => {
    const { engine } = makeEngine({ model: { stepTurns: 3 } });
    for await (const output of engine.generate(request("hello", { maxTokens: 500 }))) {
      if (output.tokenIds.length > 0) break;
    }
    await settled();
    expect(engine.numLiveSequences).toBe(0);
  });

  test("n sequences share the prompt, computed once plus one token per fork", async () => {
    const recorder = new Recorder();
    const { engine } = makeEngine({ engine: { listeners: [recorder] } });
    const params = { n: 3, temperature: 1, seed: 9n, maxTokens: 2 };
    const { all } = await collect(engine.generate(request("x".repeat(40), params)));
    expect(new Set(all.map(({ index }) => index))).toEqual(new Set([0, 1, 2]));
    await settled();
    const computed = recorder.scheduler.reduce((sum, stats) => sum + stats.numScheduledTokens, 0);
    expect(computed).toBe(40 + 2 + 3);
    const parents = recorder.iterations.flatMap(({ finishedParents }) => finishedParents);
    expect(parents).toEqual([{ n: 3, maxNumGenerationTokens: 2 }]);
  });

  test("a slow reader gets merged outputs and loses no tokens", async () => {
    const { engine } = makeEngine();
    const { text } = await collect(engine.generate(request("hello", { maxTokens: 30 })));
    const stream = engine.generate(request("hello", { maxTokens: 30 }));
    await settled();
    const late = await collect(stream);
    expect(late.text).toBe(text);
    expect(late.all.length).toBe(1);
    expect(late.all[0]?.tokenIds.length).toBe(30);
  });

  test("a failed step fails its requests; three in a row stop the engine", async () => {
    const { engine, runner, client } = makeEngine();
    for (let i = 0; i < 3; i++) {
      runner.failNextStep = true;
      const failing = collect(engine.generate(request("hello")));
      await expect(failing).rejects.toThrow(
        i < 2 ? "Internal server error" : "The engine has stopped",
      );
      await failing.catch(() => {});
    }
    expect((await client.died).message).toContain("the fake step failed");
    expect(engine.unavailable?.code).toBe("engine_dead");
    expect(() => engine.generate(request("x"))).toThrow("The engine has stopped");
  });

  test("a failed step logs its requests' ids", async () => {
    const { runner, ...parts } = makeEngineParts();
    const faults: unknown[] = [];
    const onStepFault = ({ message }: Error, ids: readonly string[]) => faults.push([message, ids]);
    const engine = new Front(new InProcessEngine({ ...parts, runner, seed: 0n, onStepFault }));
    runner.failNextStep = true;
    const named = ["cmpl-a", "cmpl-b"].map((externalId) =>
      collect(engine.generate({ ...request("hello"), externalId })).catch(() => {}),
    );
    await Promise.all(named);
    expect(faults).toEqual([["the fake step failed", ["cmpl-a", "cmpl-b"]]]);
  });

  test("rejects more requests than fit in the queue, counting each of n", () => {
    const { engine } = makeEngine({ engine: { limits: { maxNumQueuedReqs: 2 } } });
    expect(() => engine.generate(request("x", { n: 3, temperature: 1 }))).toThrow("limit of 2");
    engine.generate(request("x", { n: 2, temperature: 1 }));
    expect(() => engine.generate(request("x"))).toThrow("Retry later");
  });

  test("the runner is notified of every finished request, including the last before a pause", async () => {
    const { engine, runner } = makeEngine();
    const ended: string[] = [];
    const run = runner.run.bind(runner);
    runner.run = (plan) => {
      ended.push(...plan.finishedRequestIds);
      return run(plan);
    };
    await collect(engine.generate(request("first")));
    await settled();
    await collect(engine.generate(request("second")));
    expect(ended).toEqual(["0"]);
  });

  test("shutdown aborts running requests and frees the model", async () => {
    const { engine, client, runner } = makeEngine({ model: { stepTurns: 3 } });
    const reading = collect(engine.generate(request("hello", { maxTokens: 500 })));
    await until(() => runner.numSteps > 1);
    await client.shutdown();
    expect((await reading).last).toMatchObject({ finishReason: "abort" });
    expect(runner.isDisposed).toBe(true);
  });

  test("preemption does not change the output", async () => {
    const params = { maxTokens: 60 };
    const alone = makeEngine();
    const prompts = ["first prompt", "second prompt", "third prompt"];
    const expected: string[] = [];
    for (const prompt of prompts) {
      expected.push((await collect(alone.engine.generate(request(prompt, params)))).text);
    }
    const recorder = new Recorder();
    const tight = makeEngine({
      scheduler: { numBlocks: 9, maxModelLen: 128 },
      engine: { listeners: [recorder] },
    });
    const together = await Promise.all(
      prompts.map((prompt) => collect(tight.engine.generate(request(prompt, params)))),
    );
    expect(together.map(({ text }) => text)).toEqual(expected);
    expect(recorder.sum((stats) => stats.numPreemptions)).toBeGreaterThan(0);
  });
});
