// The library's generation object with the fake model: reading, stopping, and errors.

import { describe, expect, test } from "bun:test";
import { EngineError, RequestError } from "../../src/errors.ts";
import type { LLM, TextDelta } from "../../src/library/index.ts";
import { makeLlm } from "../support/fake-llm.ts";
import { settled, until } from "../support/waiting.ts";

/** Options for far more steps than any test waits for. */
const LONG = { maxTokens: 900, ignoreEos: true };

async function gaugeOf(llm: LLM, family: string): Promise<number> {
  return (await llm.metrics.snapshot()).get(family)?.samples[0]?.value ?? Number.NaN;
}

async function numSteps(llm: LLM): Promise<number> {
  const steps = (await llm.metrics.snapshot()).get("vllm:iteration_tokens_total");
  return steps?.histograms[0]?.count ?? Number.NaN;
}

/** @returns the number of steps until no block is in use, according to the metrics */
async function stepsUntilFree(llm: LLM): Promise<number> {
  const before = await numSteps(llm);
  await until(async () => (await gaugeOf(llm, "vllm:kv_cache_usage_perc")) === 0);
  return (await numSteps(llm)) - before;
}

/** @returns the rejection reason of the promise, or null */
async function errorOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
    return null;
  } catch (error) {
    return error;
  }
}

async function drain(iterable: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of iterable);
}

describe("reading", () => {
  test("yields deltas that add up to the result", async () => {
    const { llm } = makeLlm();
    const generation = llm.generate("hello", { maxTokens: 5, temperature: 0, ignoreEos: true });
    const deltas: TextDelta[] = [];
    for await (const delta of generation) deltas.push(delta);
    const result = await generation.result;
    expect(deltas.map(({ text }) => text).join("")).toBe(result.text);
    expect(deltas.at(-1)?.finishReason).toBe("length");
    expect(result).toMatchObject({
      id: generation.id,
      finishReason: "length",
      stopReason: null,
      logprobs: null,
      promptLogprobs: null,
      usage: { promptTokens: 6, completionTokens: 5, cachedTokens: 0 },
    });
    expect(result.choices).toHaveLength(1);
  });

  test("can start with the result, which can be requested more than once", async () => {
    const { llm } = makeLlm();
    const generation = llm.generate("hello", { maxTokens: 5, ignoreEos: true });
    const { result } = generation;
    let text = "";
    for await (const piece of generation.text) text += piece;
    expect((await result).text).toBe(text);
    expect(generation.result).toBe(result);
  });

  test("yields deltas only to the first reader", async () => {
    const { llm } = makeLlm();
    const generation = llm.generate("hello", { maxTokens: 3, ignoreEos: true });
    const [first, second] = [await Array.fromAsync(generation), await Array.fromAsync(generation)];
    expect(first.at(-1)?.finishReason).toBe("length");
    expect(second).toEqual([]);
  });

  test("returns a chat's message, which can be appended to continue the chat", async () => {
    const { llm } = makeLlm();
    const { message, text, id } = await llm.chat([{ role: "user", content: "hi" }], {
      maxTokens: 4,
      requestId: "mine",
    }).result;
    expect(message).toEqual({ role: "assistant", content: text });
    expect(id).toBe("chatcmpl-mine");
  });

  test("interleaves n sequences and yields n choices", async () => {
    const { llm } = makeLlm();
    const generation = llm.generate("hello", { n: 3, maxTokens: 4, seed: 7, ignoreEos: true });
    const seen = new Set<number>();
    for await (const { index } of generation) seen.add(index);
    const { choices, usage } = await generation.result;
    expect([...seen].sort()).toEqual([0, 1, 2]);
    expect(choices.map(({ tokenIds }) => tokenIds.length)).toEqual([4, 4, 4]);
    expect(usage.completionTokens).toBe(12);
  });

  test("accepts token ids as a prompt, and returns logprobs for each token", async () => {
    const { llm } = makeLlm();
    const options = { maxTokens: 2, logprobs: 1, promptLogprobs: 0, ignoreEos: true };
    const result = await llm.generate(Int32Array.of(104, 105), options).result;
    expect(result.usage.promptTokens).toBe(2);
    expect(result.logprobs).toHaveLength(2);
    expect(result.promptLogprobs).toHaveLength(1);
  });

  test("yields the same byte stream as the HTTP API", async () => {
    const { llm } = makeLlm();
    const stream = llm.chat([{ role: "user", content: "hi" }], { maxTokens: 2 }).toReadableStream();
    const events = (await new Response(stream).text()).split("\n\n").filter((line) => line !== "");
    expect(events.at(-1)).toBe("data: [DONE]");
    const chunks = events.slice(0, -1).map((event) => JSON.parse(event.slice("data: ".length)));
    expect(chunks[0]).toMatchObject({
      object: "chat.completion.chunk",
      choices: [{ delta: { role: "assistant", content: "" } }],
    });
    expect(chunks.at(-1).choices[0].finish_reason).toBe("length");
  });
});

describe("blocks are freed within one step", () => {
  const ways: Record<string, (llm: LLM) => Promise<void>> = {
    "after break": async (llm) => {
      for await (const _ of llm.generate("hello", LONG)) break;
    },
    "after a break while reading text": async (llm) => {
      for await (const _ of llm.generate("hello", LONG).text) break;
    },
    "after abort()": async (llm) => {
      const generation = llm.generate("hello", LONG);
      await started(llm);
      generation.abort();
    },
    "after a signal": async (llm) => {
      const controller = new AbortController();
      llm.generate("hello", { ...LONG, signal: controller.signal });
      await started(llm);
      controller.abort();
    },
    "at the end of its scope": async (llm) => {
      await using _generation = llm.generate("hello", LONG);
      await started(llm);
    },
    "after the stream is canceled": async (llm) => {
      const reader = llm.generate("hello", LONG).toReadableStream().getReader();
      await reader.read();
      await reader.cancel();
    },
    "when n sequences are aborted": async (llm) => {
      for await (const _ of llm.generate("hello", { ...LONG, n: 4 })) break;
    },
  };

  test.each(Object.entries(ways))("%s", async (_, stop) => {
    const { llm } = makeLlm();
    await stop(llm);
    expect(await stepsUntilFree(llm)).toBeLessThanOrEqual(1);
    expect(await gaugeOf(llm, "vllm:num_requests_running")).toBe(0);
  });

  const started = (llm: LLM) =>
    until(async () => (await gaugeOf(llm, "vllm:kv_cache_usage_perc")) > 0);

  test("when a generation is aborted before it is queued, so it never runs", async () => {
    const { llm, runner } = makeLlm();
    const generation = llm.generate("hello", LONG);
    generation.abort();
    expect(await errorOf(generation.result)).toMatchObject({ name: "AbortError" });
    await settled();
    expect(runner.numSteps).toBeLessThanOrEqual(1);
  });

  test("when an unread generation is garbage-collected", async () => {
    const { llm } = makeLlm({ scheduler: { numBlocks: 8192, maxModelLen: 100_000 } });
    for (let i = 0; i < 4; i++) llm.generate("hello", { ...LONG, maxTokens: 90_000 });
    await started(llm);
    for (let i = 0; i < 200; i++) {
      Bun.gc(true);
      await settled();
      if ((await gaugeOf(llm, "vllm:num_requests_running")) === 0) break;
    }
    // A stack slot can keep the last generation alive.
    expect(await gaugeOf(llm, "vllm:num_requests_running")).toBeLessThanOrEqual(1);
  });

  test("but an unread generation is never garbage-collected while its result is awaited", async () => {
    const { llm } = makeLlm();
    const { result } = llm.generate("hello", { maxTokens: 60, ignoreEos: true });
    for (let i = 0; i < 10; i++) {
      Bun.gc(true);
      await settled();
    }
    expect((await result).tokenIds).toHaveLength(60);
  });
});

describe("errors", () => {
  test("report an invalid request, no matter how the generation is read", async () => {
    const { llm } = makeLlm();
    const generation = llm.generate("hello", { temperature: -1 });
    for (const reading of [generation.result, drain(generation)]) {
      expect(await errorOf(reading)).toMatchObject({ code: "invalid_value" });
    }
    const stream = llm.generate("hello", { maxTokens: 0 }).toReadableStream();
    expect(await new Response(stream).text()).toMatch(/^data: \{"error":.*\n\ndata: \[DONE\]\n\n$/);
    const tooLong = llm.generate("x".repeat(2000)).result;
    expect(await errorOf(tooLong)).toMatchObject({ code: "context_length" });
    expect(() => llm.generate("x", { requestId: "a b" })).toThrow(RequestError);
  });

  test("an abort immediately rejects with its reason; an aborted signal prevents the start", async () => {
    const { llm, runner } = makeLlm();
    const reason = new Error("changed my mind");
    const generation = llm.generate("hello", LONG);
    const { result } = generation;
    generation.abort(reason);
    expect(await errorOf(result)).toBe(reason);
    const late = llm.generate("hello", { signal: AbortSignal.abort() });
    expect(await errorOf(late.result)).toMatchObject({ name: "AbortError" });
    await settled();
    expect(runner.numSteps).toBeLessThanOrEqual(1);
  });

  test("an abort after the end has no effect", async () => {
    const { llm } = makeLlm();
    const generation = llm.generate("hello", { maxTokens: 2, ignoreEos: true });
    await drain(generation);
    generation.abort();
    expect((await generation.result).finishReason).toBe("length");
  });

  test("a failed step fails its requests, but later ones succeed", async () => {
    const { llm, runner } = makeLlm();
    runner.failNextStep = true;
    expect(await errorOf(llm.generate("hello").result)).toMatchObject({
      code: "engine_step_failed",
    });
    expect((await llm.generate("hello", { maxTokens: 1 }).result).tokenIds).toHaveLength(1);
  });

  test("when the engine crashes, open requests are rejected, `closed` resolves, and the host keeps running", async () => {
    const { llm, runner } = makeLlm();
    const generation = llm.generate("hello", LONG);
    runner.run = async () => {
      throw new Error("a crash in native code");
    };
    expect(await errorOf(generation.result)).toBeInstanceOf(EngineError);
    expect(await llm.closed).toMatchObject({ kind: "died" });
    expect(await errorOf(llm.generate("hello").result)).toMatchObject({ code: "engine_dead" });
    await llm[Symbol.asyncDispose]();
    expect(runner.isDisposed).toBe(true);
  });
});
