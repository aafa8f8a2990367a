// The library with the real addon: loading and its errors, two models in one process, and blocks
// freed by an abort.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { Elysia } from "elysia";
import { LLM, type LoadOptions } from "../../src/library/index.ts";
import { createApp, serve } from "../../src/library/server.ts";
import { writeTinyGguf } from "../support/tiny-gguf.ts";
import { tempFolder } from "../support/tiny-model.ts";
import { settled } from "../support/waiting.ts";

const folder = tempFolder();
const at = (name: string) => join(folder.path, name);
const SMALL = { kvCacheBytes: 4e6, threads: 2 };

beforeAll(() => {
  writeTinyGguf(at("llama.gguf"));
  writeTinyGguf(at("qwen3.gguf"), { architecture: "qwen3", tokenizer: "bpe", seed: 2 });
  writeTinyGguf(at("wrong.gguf"), { fault: "wrong-magic" });
  writeTinyGguf(at("short.gguf"), { fault: "truncated" });
});
afterAll(folder.remove);

async function codeOf(loading: Promise<unknown>): Promise<unknown> {
  return loading.then(
    () => "loaded",
    (error: { code?: unknown }) => error.code,
  );
}

describe("LLM.load", () => {
  test("reports progress and describes the loaded model", async () => {
    const shares: number[] = [];
    await using llm = await LLM.load(at("llama.gguf"), {
      ...SMALL,
      name: "mine",
      contextLength: 128,
      onProgress: (share) => shares.push(share),
    });
    expect(llm.model).toMatchObject({ name: "mine", architecture: "llama", contextLength: 128 });
    expect(llm.model.path).toBe(at("llama.gguf"));
    expect(shares.at(-1)).toBe(1);
  });

  test.each<readonly [string, string, LoadOptions]>([
    ["model_not_found", "none.gguf", {}],
    ["model_not_gguf", "wrong.gguf", {}],
    ["model_truncated", "short.gguf", {}],
    ["invalid_option", "llama.gguf", { maxSequences: 0 }],
    ["invalid_option", "llama.gguf", { threads: 1.5 }],
    ["invalid_option", "llama.gguf", { generationConfig: "none.json" }],
    ["invalid_option", "llama.gguf", { overrideGenerationConfig: { top_p: 2 } }],
    ["out_of_memory", "llama.gguf", { kvCacheBytes: 1 }],
  ])("rejects with %s", async (code, file, options) => {
    expect(await codeOf(LLM.load(at(file), { ...SMALL, ...options }))).toBe(code);
  });

  test.each<readonly [object, string]>([
    [{ contextLenght: 64 }, "unknown option contextLenght; did you mean contextLength?"],
    [{ kvCacheType: "fp8" }, "kvCacheType: expected auto or f16 or bf16 or f32 or q8_0, got fp8"],
    [
      { contextLength: 100_000, allowLongContext: true, kvCacheBytes: 4e5 },
      "lower contextLength or raise kvCacheBytes",
    ],
  ])("explains by option name what is wrong with %j", async (options, message) => {
    await expect(LLM.load(at("llama.gguf"), { ...SMALL, ...options })).rejects.toThrow(message);
  });

  test("refuses a model name that is not a string", async () => {
    const url = new URL("file:///model.gguf") as unknown as string;
    const refusal = "model must be a string, got file:///model.gguf";
    await expect(LLM.load(url)).rejects.toThrow(refusal);
  });

  test("serves from a cache of one block", async () => {
    const kvCacheBytes = 2 * 16 * 1024;
    await using llm = await LLM.load(at("llama.gguf"), { ...SMALL, kvCacheBytes });
    expect(llm.model).toMatchObject({ numBlocks: 2, contextLength: 16 });
    const results = ["hi", "ho"].map((prompt) => llm.generate(prompt, { maxTokens: 4 }).result);
    for (const { usage } of await Promise.all(results))
      expect(usage.completionTokens).toBeLessThan(5);
  });

  test("accepts sampling defaults, which a call's own options override", async () => {
    await using llm = await LLM.load(at("llama.gguf"), {
      ...SMALL,
      overrideGenerationConfig: { temperature: 0, max_new_tokens: 5 },
    });
    const say = async (options = {}) => (await llm.generate("hello", options).result).tokenIds;
    const greedy = await say({ temperature: 0 });
    expect(greedy).toHaveLength(5);
    expect(await say()).toEqual(greedy);
    expect(await say({ temperature: 50, seed: 1 })).not.toEqual(greedy);
  });

  test("stops when its signal fires", async () => {
    const reason = new Error("no longer wanted");
    const signal = AbortSignal.abort(reason);
    const loading = LLM.load(at("llama.gguf"), { ...SMALL, signal });
    expect(await loading.catch((error) => error)).toBe(reason);
  });
});

test("two models in one process have separate metrics, sleep and disposal", async () => {
  const first = await LLM.load(at("llama.gguf"), SMALL);
  await using second = await LLM.load(at("qwen3.gguf"), SMALL);
  const options = { maxTokens: 20, temperature: 0, ignoreEos: true };
  const alone = await second.generate("hello", options).result;
  const together = await Promise.all([
    first.generate("hello", options).result,
    second.generate("hello", options).result,
  ]);
  expect(together[1].text).toBe(alone.text);
  await first.sleep();
  expect((await second.generate("hello", options).result).text).toBe(alone.text);
  await first[Symbol.asyncDispose]();
  expect((await second.generate("hello", options).result).text).toBe(alone.text);
  await settled();
  expect(await second.metrics.text()).toContain('_total{engine="0",model_name="qwen3"} 80.0');
});

test("an aborted request's blocks are freed, and other requests continue", async () => {
  await using llm = await LLM.load(at("llama.gguf"), { ...SMALL, prefixCaching: false });
  const options = { maxTokens: 300, ignoreEos: true };
  const kept = llm.generate("kept", options);
  for await (const _ of llm.generate("left", options)) break;
  await kept.result;
  await settled();
  const usage = (await llm.metrics.snapshot()).get("vllm:kv_cache_usage_perc");
  expect(usage?.samples[0]?.value).toBe(0);
  expect((await kept.result).tokenIds).toHaveLength(300);
});

test("an app can be mounted in Elysia; serve() takes a model by name and disposes of it", async () => {
  await using server = await serve(at("llama.gguf"), { port: 0, load: SMALL });
  const host = new Elysia().get("/mine", () => "mine").mount(createApp(server.llm).fetch);
  const get = async (path: string) => host.handle(new Request(`http://localhost${path}`));
  expect(await (await get("/mine")).text()).toBe("mine");
  expect((await get("/health")).status).toBe(200);
  expect((await fetch(`${server.url}/health`)).status).toBe(200);
  await server.stop();
  expect(await server.llm.closed).toEqual({ kind: "disposed" });
});
