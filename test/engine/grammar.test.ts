// Requests that wait for their grammar in the engine: other requests run meanwhile, and a request
// that ends before its grammar is compiled leaves no state behind.

import { describe, expect, test } from "bun:test";
import type { FrontRequest, SequenceOutput } from "../../src/front/output-stream.ts";
import type { SchedulerStats, StatListener } from "../../src/protocol/stats.ts";
import { DEFAULT_SAMPLING_PARAMS, type SamplingParams } from "../../src/request/sampling-params.ts";
import { type FakeEngineOptions, makeEngine } from "../support/fake-engine.ts";
import { settled, until } from "../support/waiting.ts";

class Recorder implements StatListener {
  last: SchedulerStats | null = null;

  record(scheduler: SchedulerStats): void {
    this.last = scheduler;
  }

  get counts() {
    const { numRunningReqs, numWaitingReqs, numDeferredReqs } = this.last ?? {};
    return [numRunningReqs, numWaitingReqs, numDeferredReqs];
  }
}

const grammar = (text: string) => ({
  grammar: { kind: "lark", text, param: "grammar" } as const,
});

function request(prompt: string, params: Partial<SamplingParams> = {}): FrontRequest {
  return {
    externalId: `cmpl-${prompt}`,
    prompt: Int32Array.from(new TextEncoder().encode(prompt)),
    samplingParams: { ...DEFAULT_SAMPLING_PARAMS, temperature: 0, maxTokens: 4, ...params },
    mustFit: false,
    priority: 0,
    cacheSalt: null,
    arrivalMs: performance.now(),
  };
}

/** An engine in which the grammar "slow" is compiled when a test calls `end.resolve()`. */
function setUp(options: FakeEngineOptions = {}) {
  const recorder = new Recorder();
  const parts = makeEngine({ ...options, engine: { listeners: [recorder] } });
  const end = Promise.withResolvers<void>();
  end.promise.catch(() => {});
  parts.runner.slowGrammars.set("slow", end);
  /** Ids of sequences in the order they first run, and in the order they end. */
  const started: string[] = [];
  const ended: string[] = [];
  const run = parts.runner.run.bind(parts.runner);
  parts.runner.run = (plan) => {
    for (const { request: sequence } of plan.scheduled) {
      if (!started.includes(sequence.externalId)) started.push(sequence.externalId);
    }
    ended.push(...plan.finishedRequestIds);
    return run(plan);
  };
  return { ...parts, recorder, end, started, ended };
}

async function collect(outputs: AsyncIterable<SequenceOutput>) {
  const all: SequenceOutput[] = [];
  for await (const output of outputs) all.push(output);
  return { all, text: all.map(({ text }) => text).join(""), last: all.at(-1) };
}

/** Checks that requests that have ended leave no state behind. */
async function expectEmpty({ engine, scheduler, recorder }: ReturnType<typeof setUp>) {
  await settled();
  expect(engine.numLiveSequences).toBe(0);
  expect(scheduler.kvCache.pool.usage).toBe(0);
  expect(recorder.counts).toEqual([0, 0, 0]);
}

describe("a request with a grammar", () => {
  test("counts as deferred until its grammar is compiled, while other requests run", async () => {
    const parts = setUp();
    const { engine, recorder, end, started } = parts;
    const waiting = collect(engine.generate(request("slow", grammar("slow"))));
    const other = await collect(engine.generate(request("other")));
    expect(other.last?.finishReason).toBe("length");
    await settled();
    expect(recorder.counts).toEqual([0, 1, 1]);
    expect(started).toEqual(["cmpl-other"]);
    end.resolve();
    expect((await waiting).last).toMatchObject({ finishReason: "length" });
    expect(started).toEqual(["cmpl-other", "cmpl-slow"]);
    await expectEmpty(parts);
  });

  test("does not wait if its grammar is already compiled, and generates the same text", async () => {
    const { engine, runner } = setUp();
    const first = await collect(engine.generate(request("hello", grammar("known"))));
    const plain = await collect(engine.generate(request("hello")));
    expect(first.text).toBe(plain.text);
    expect(runner.grammars).toEqual(["known"]);
  });

  test("with n sequences, waits for one grammar and shares the prompt", async () => {
    const parts = setUp();
    const { engine, recorder, end, runner } = parts;
    const params = { n: 3, temperature: 1, seed: 5n, ...grammar("slow") };
    const waiting = collect(engine.generate(request("x".repeat(40), params)));
    await settled();
    expect(recorder.counts).toEqual([0, 3, 3]);
    expect(runner.grammars).toEqual(["slow"]);
    end.resolve();
    const { all } = await waiting;
    const finished = all.filter(({ finishReason }) => finishReason !== null);
    expect(finished.map(({ index }) => index).sort()).toEqual([0, 1, 2]);
    await expectEmpty(parts);
  });

  test("is queued by its priority once it is released", async () => {
    const { engine, end, started } = setUp({
      scheduler: { policy: "priority", maxNumSeqs: 1 },
      model: { stepTurns: 3 },
    });
    const urgent = { ...request("urgent", grammar("slow")), priority: -1 };
    const all = [engine.generate(urgent)];
    for (const prompt of ["one", "two", "three"]) all.push(engine.generate(request(prompt)));
    await until(() => started.length === 1);
    end.resolve();
    await Promise.all(all.map(collect));
    expect(started[1]).toBe("cmpl-urgent");
    expect(started).toHaveLength(4);
  });

  test("is released together with all requests for the same grammar", async () => {
    const parts = setUp();
    const all = ["a", "b", "c"].map((prompt) =>
      collect(parts.engine.generate(request(prompt, grammar("slow")))),
    );
    await settled();
    expect(parts.recorder.counts).toEqual([0, 3, 3]);
    parts.end.resolve();
    for (const { last } of await Promise.all(all)) expect(last?.finishReason).toBe("length");
    await expectEmpty(parts);
  });
});

describe("a grammar that cannot be compiled", () => {
  test("fails only its own request, which leaves no state behind", async () => {
    const parts = setUp();
    const { engine, end } = parts;
    const failing = collect(
      engine.generate(request("bad", { n: 2, temperature: 1, ...grammar("slow") })),
    );
    const caught = failing.catch((error: Error) => error);
    const other = collect(engine.generate(request("other", { maxTokens: 30 })));
    await settled();
    end.reject(Object.assign(new Error("bad grammar"), { code: "invalid_value" }));
    expect(await caught).toMatchObject({ message: "bad grammar" });
    expect((await other).last?.finishReason).toBe("length");
    await expectEmpty(parts);
    expect((await collect(engine.generate(request("next")))).last?.finishReason).toBe("length");
    expect(parts.ended).toEqual(expect.arrayContaining(["0-0", "0-1"]));
  });

  test("is refused with its field's name if the failure is immediate", async () => {
    const { engine } = setUp();
    await expect(collect(engine.generate(request("bad", grammar(""))))).rejects.toThrow(
      "`grammar` cannot be enforced: empty",
    );
  });
});

describe("while a request waits for its grammar", () => {
  test("the request can be aborted, and a late compilation has no effect", async () => {
    const parts = setUp();
    const stream = parts.engine.generate(request("slow", grammar("slow")));
    const reading = collect(stream);
    await settled();
    stream.abort();
    expect((await reading).last).toMatchObject({ finishReason: "abort" });
    await expectEmpty(parts);
    parts.end.resolve();
    await expectEmpty(parts);
    expect(parts.started).toEqual([]);
  });

  test("the request can be aborted, and a late failure has no effect", async () => {
    const parts = setUp();
    const stream = parts.engine.generate(request("slow", grammar("slow")));
    const reading = collect(stream).catch((error: Error) => error);
    await settled();
    stream.abort();
    await reading;
    parts.end.reject(new Error("late"));
    await expectEmpty(parts);
    expect(parts.engine.unavailable).toBeNull();
  });

  test("a pause holds the request until the engine resumes", async () => {
    const parts = setUp();
    const { scheduler, end, recorder, started } = parts;
    const before = collect(parts.engine.generate(request("before", grammar("slow"))));
    await settled();
    scheduler.pause("hold");
    const during = collect(parts.engine.generate(request("during", grammar("slow"))));
    await settled();
    end.resolve();
    await settled();
    expect(started).toEqual([]);
    expect(recorder.last?.numRunningReqs).toBe(0);
    scheduler.resume();
    parts.engine.generate(request("wake"));
    expect((await before).last?.finishReason).toBe("length");
    expect((await during).last?.finishReason).toBe("length");
  });

  test("a sleep and a wake-up leave the request waiting", async () => {
    const parts = setUp();
    const { client, end, runner } = parts;
    const waiting = collect(parts.engine.generate(request("slow", grammar("slow"))));
    await settled();
    await client.calls.sleep(1, "keep");
    expect(runner.sleepLevel).toBe(1);
    end.resolve();
    await settled();
    expect(parts.started).toEqual([]);
    await client.calls.wakeUp(["weights", "kv_cache"]);
    expect((await waiting).last?.finishReason).toBe("length");
  });

  test("shutdown ends the request", async () => {
    const parts = setUp();
    const reading = collect(parts.engine.generate(request("slow", grammar("slow"))));
    await settled();
    await parts.client.shutdown();
    expect((await reading).last).toMatchObject({ finishReason: "abort" });
    expect(parts.runner.isDisposed).toBe(true);
    parts.end.resolve();
    await settled();
  });

  test("a failed step with other requests does not affect the request", async () => {
    const parts = setUp();
    const waiting = collect(parts.engine.generate(request("slow", grammar("slow"))));
    await settled();
    parts.runner.failNextStep = true;
    await collect(parts.engine.generate(request("other"))).catch(() => {});
    parts.end.resolve();
    expect((await waiting).last?.finishReason).toBe("length");
    await expectEmpty(parts);
  });
});
