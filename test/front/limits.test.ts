// Deadlines and slow readers in the front: the requests that fail, their errors, and the cleanup.

import { describe, expect, test } from "bun:test";
import type { FrontLimits } from "../../src/front/front.ts";
import { DEFAULT_SAMPLING_PARAMS, type SamplingParams } from "../../src/request/sampling-params.ts";
import { type FakeEngineOptions, makeEngine } from "../support/fake-engine.ts";
import { until } from "../support/waiting.ts";

const request = (params: Partial<SamplingParams> = {}) => ({
  externalId: "cmpl-a",
  prompt: Int32Array.from([1, 2, 3]),
  samplingParams: { ...DEFAULT_SAMPLING_PARAMS, ignoreEos: true, ...params },
  mustFit: false,
  priority: 0,
  cacheSalt: null,
  arrivalMs: performance.now(),
});

function start(limits: Partial<FrontLimits>, options: FakeEngineOptions = {}) {
  const parts = makeEngine({ ...options, engine: { limits } });
  const isIdle = () => parts.engine.numLiveSequences === 0 && !parts.scheduler.hasWork;
  const untilIdle = async () => {
    await until(isIdle);
    expect(parts.scheduler.kvCache.pool.usage).toBe(0);
  };
  return { ...parts, untilIdle };
}

/** @returns the number of tokens, or the error code that the reader received */
async function outcome(outputs: AsyncIterable<{ tokenIds: readonly number[] }>): Promise<unknown> {
  let numTokens = 0;
  try {
    for await (const { tokenIds } of outputs) numTokens += tokenIds.length;
    return numTokens;
  } catch (error) {
    return (error as { code: string }).code;
  }
}

describe("the queue time limit", () => {
  const slow = { model: { stepDelayMs: 10 }, scheduler: { maxNumSeqs: 1 } };

  test("fails only requests that no step has started to compute", async () => {
    const { engine, untilIdle } = start({ queueTimeoutMs: 60 }, slow);
    const running = outcome(engine.generate(request({ maxTokens: 40 })));
    const waiting = outcome(engine.generate(request({ maxTokens: 1 })));
    expect(await waiting).toBe("queue_timeout");
    expect(await running).toBe(40);
    await untilIdle();
  });

  test("fails all sequences of a request at the same time", async () => {
    const { engine, untilIdle } = start({ queueTimeoutMs: 60 }, slow);
    const running = outcome(engine.generate(request({ maxTokens: 40 })));
    const family = engine.generate(request({ n: 3, temperature: 1, maxTokens: 5 }));
    expect(await outcome(family)).toBe("queue_timeout");
    await until(() => engine.numLiveSequences === 1);
    expect(await running).toBe(40);
    await untilIdle();
  });

  test("does not affect a request that started in time, even if it is canceled later", async () => {
    const { engine, untilIdle } = start({ queueTimeoutMs: 5 }, { model: { stepDelayMs: 1 } });
    const reasons: (string | null)[] = [];
    let numTokens = 0;
    const outputs = engine.generate(request({ n: 2, temperature: 1, maxTokens: 900 }));
    for await (const { tokenIds, finishReason } of outputs) {
      numTokens += tokenIds.length;
      if (finishReason !== null) reasons.push(finishReason);
      if (numTokens > 60) engine.cancel("cmpl-a");
    }
    expect(reasons).toEqual(["abort", "abort"]);
    await untilIdle();
  });

  test("also applies to requests that wait for a wake-up", async () => {
    const { engine, client } = start({ queueTimeoutMs: 30 });
    await engine.calls.sleep(0, "keep");
    expect(await outcome(engine.generate(request()))).toBe("queue_timeout");
    await engine.calls.wakeUp(["weights", "kv_cache"]);
    expect(await outcome(engine.generate(request({ maxTokens: 2 })))).toBe(2);
    await client.shutdown();
  });
});

describe("the request time limit", () => {
  test("fails running requests", async () => {
    const options = { model: { stepDelayMs: 5 } };
    const { engine, untilIdle } = start({ requestTimeoutMs: 60 }, options);
    expect(await outcome(engine.generate(request({ maxTokens: 900 })))).toBe(
      "engine_request_timeout",
    );
    await untilIdle();
    expect(await outcome(engine.generate(request({ maxTokens: 3 })))).toBe(3);
  });
});

describe("a prompt whose tokenization is slow or never finishes", () => {
  const text = { ...request({ maxTokens: 2 }), prompt: { text: "hello", addSpecial: true } };

  test("does not suspend the queue time limit, and is never computed if it is late", async () => {
    const { engine, client, runner, untilIdle } = start({ queueTimeoutMs: 20 });
    const late = Promise.withResolvers<void>();
    const abortQueued = client.abortQueued.bind(client);
    client.abortQueued = (ids) => {
      abortQueued(ids);
      late.resolve();
    };
    runner.tokenizer.encode = async () => {
      await late.promise;
      return Int32Array.of(1, 2, 3);
    };
    expect(await outcome(engine.generate(text))).toBe("queue_timeout");
    await untilIdle();
    expect(runner.numSteps).toBe(0);
  });

  test("does not suspend the request time limit", async () => {
    const { engine, client } = start({ requestTimeoutMs: 20 });
    client.add = () => new Promise(() => {});
    const refusal = await engine.generate(text).promptTokenIds.catch((error: Error) => error);
    expect(refusal).toMatchObject({ code: "engine_request_timeout" });
  });

  test("has no deadline once it is rejected", async () => {
    const { engine, client } = start({ queueTimeoutMs: 10 });
    const abandoned: string[] = [];
    client.abortQueued = (ids) => abandoned.push(...ids);
    const refused = engine.generate({ ...text, prompt: new Int32Array(0) }).promptTokenIds;
    expect(await refused.catch(({ message }: Error) => message)).toContain("cannot be empty");
    // A leftover deadline timer would fire within this time.
    await Bun.sleep(30);
    expect(abandoned).toEqual([]);
  });
});

describe("a slow reader", () => {
  test("has its request aborted and its blocks freed once too much output is unread", async () => {
    const { engine, scheduler, untilIdle } = start({ maxUnreadBytes: 500 });
    const unread = engine.generate(request({ maxTokens: 900 }));
    await untilIdle();
    expect(scheduler.hasWork).toBe(false);
    expect(await outcome(unread)).toBe("slow_reader");
  });

  test("loses no output within the limit, no matter how long the output is", async () => {
    const { engine } = start({ maxUnreadBytes: 2000 });
    expect(await outcome(engine.generate(request({ maxTokens: 900 })))).toBe(900);
  });

  test("is not affected by the size of a single output, such as one with prompt logprobs", async () => {
    const { engine, untilIdle } = start({ maxUnreadBytes: 500 });
    const large = engine.generate(request({ maxTokens: 2, logprobs: 20, promptLogprobs: 20 }));
    const several = engine.generate(request({ maxTokens: 1, n: 3, temperature: 1, logprobs: 20 }));
    await untilIdle();
    expect(await outcome(several)).toBe(3);
    expect(await outcome(large)).toBe("slow_reader");
    const read = engine.generate(request({ maxTokens: 2, logprobs: 20, promptLogprobs: 20 }));
    expect(await outcome(read)).toBe(2);
  });
});

describe("queue capacity", () => {
  test("is released no matter how a request ends", async () => {
    const limits = { maxNumQueuedReqs: 2, maxNumQueuedTokens: 6 };
    const { engine, runner, untilIdle } = start(limits, { model: { stepDelayMs: 1 } });
    const ends: (() => Promise<unknown>)[] = [
      () => outcome(engine.generate(request({ maxTokens: 2 }))),
      () => outcome(engine.generate(request({ n: 2, temperature: 1, maxTokens: 2 }))),
      async () => engine.generate(request({ maxTokens: 500 })).abort(),
      async () => {
        for await (const _ of engine.generate(request({ maxTokens: 500 }))) break;
      },
      () => {
        runner.failNextStep = true;
        return outcome(engine.generate(request()));
      },
    ];
    for (const end of ends) {
      await end();
      await untilIdle();
      engine.reserve(2).release();
    }
    const [first, second] = [engine.generate(request()), engine.generate(request())];
    expect(() => engine.generate(request())).toThrow("limit of 2 requests in flight");
    await Promise.all([outcome(first), outcome(second)]);
  });

  test("for prompt tokens is released at the first output", async () => {
    const { engine } = start({ maxNumQueuedTokens: 3 }, { model: { stepDelayMs: 1 } });
    const first = engine.generate(request({ maxTokens: 300 }));
    expect(() => engine.generate(request())).toThrow("limit of 3 waiting prompt tokens");
    for await (const _ of first) {
      expect(await outcome(engine.generate(request({ maxTokens: 1 })))).toBe(1);
      break;
    }
  });
});
