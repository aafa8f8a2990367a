// LoRA adapters through the whole server, with the addon: files in both formats, many adapters in one step, bad files,
// sleep and restart.

import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { engineConfig } from "../../src/cli/engine-config.ts";
import { parseOptions } from "../../src/cli/parse-options.ts";
import { startEngine } from "../../src/engine/start-engine.ts";
import type { RequestError } from "../../src/errors.ts";
import { LLM } from "../../src/library/llm.ts";
import { peftConfig, peftTensors, writePeftFolder } from "../support/peft-adapter.ts";
import { writeMergedGguf, writeTinyAdapter } from "../support/tiny-adapter.ts";
import { writeTinyGguf } from "../support/tiny-gguf.ts";

const folder = mkdtempSync(join(tmpdir(), "pagoda-lora-native-"));
const at = (name: string) => join(folder, name);
const strong = (seed: number) => ({ seed, strength: 0.3 });

writeTinyGguf(at("model.gguf"));
for (const seed of [1, 2, 3, 4]) writeTinyAdapter(at(`${seed}.gguf`), {}, strong(seed));
writeMergedGguf(at("merged.gguf"), {}, strong(1));
writePeftFolder(at("peft"), peftConfig(), peftTensors({}, strong(1), 64));
writePeftFolder(at("rooted"), peftConfig({ use_rslora: true }), peftTensors({}, strong(1), 64));
writeTinyAdapter(at("rooted.gguf"), {}, { ...strong(1), alpha: 16 * Math.sqrt(8) });
writeTinyAdapter(
  at("alora.gguf"),
  {},
  {
    ...strong(2),
    metadata: new Map([["adapter.alora.invocation_tokens", ["u32[]", [70, 71]]]]),
  },
);

const opened: LLM[] = [];

async function load(options: object = {}, model = "model.gguf"): Promise<LLM> {
  const llm = await LLM.load(at(model), {
    ...{
      enableLora: true,
      maxLoras: 4,
      maxCpuLoras: 4,
      kvCacheBytes: 4_000_000,
      kvCacheType: "f32",
    },
    ...options,
  });
  opened.push(llm);
  return llm;
}

afterAll(async () => {
  for (const llm of opened) await llm[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

const PROMPT = Array.from({ length: 40 }, (_, i) => 20 + ((i * 7) % 60));
const GREEDY = { maxTokens: 12, temperature: 0, ignoreEos: true };

async function tokensOf(llm: LLM, lora?: string, prompt = PROMPT): Promise<readonly number[]> {
  const options = lora === undefined ? GREEDY : { ...GREEDY, lora };
  return (await llm.generate(prompt, options).result).tokenIds;
}

describe("an adapter", () => {
  test("changes the output like merged weights, from a GGUF file and from a PEFT folder", async () => {
    const merged = await load({ enableLora: false }, "merged.gguf");
    const llm = await load({ loraModules: { gguf: at("1.gguf"), peft: at("peft") } });
    const expected = await tokensOf(merged);
    expect(await tokensOf(llm)).not.toEqual(expected);
    expect(await tokensOf(llm, "gguf")).toEqual(expected);
    expect(await tokensOf(llm, "peft")).toEqual(expected);
  });

  test("has rsLoRA's scale from a PEFT folder", async () => {
    const modules = { gguf: at("rooted.gguf"), peft: at("rooted"), plain: at("1.gguf") };
    const llm = await load({ loraModules: modules });
    const expected = await tokensOf(llm, "gguf");
    expect(await tokensOf(llm, "peft")).toEqual(expected);
    expect(await tokensOf(llm, "plain")).not.toEqual(expected);
  });

  test("yields the same output for a request by itself and among others, even with fewer slots than adapters", async () => {
    const names = ["1", "2", "3", "4"];
    const loraModules = Object.fromEntries(names.map((name) => [name, at(`${name}.gguf`)]));
    const llm = await load({ loraModules, maxLoras: 2, maxCpuLoras: 3 });
    const all = [undefined, ...names];
    const alone: (readonly number[])[] = [];
    for (const name of all) alone.push(await tokensOf(llm, name));
    expect(new Set(alone.map(String)).size).toBe(5);
    const crowd = [...all, ...all, ...all.toReversed()];
    const together = await Promise.all(crowd.map((name) => tokensOf(llm, name)));
    expect(together).toEqual(crowd.map((name) => alone[all.indexOf(name)] as number[]));
  });

  test("applies from its invocation tokens on, and not at all without them", async () => {
    const llm = await load({ loraModules: { alora: at("alora.gguf"), lora: at("2.gguf") } });
    const invoked = [...PROMPT, 70, 71, 30];
    expect(await tokensOf(llm, "alora")).toEqual(await tokensOf(llm));
    const adapted = await tokensOf(llm, "alora", invoked);
    expect(adapted).not.toEqual(await tokensOf(llm, undefined, invoked));
    const start = [70, 71, ...PROMPT];
    expect(await tokensOf(llm, "alora", start)).toEqual(await tokensOf(llm, "lora", start));
  });

  test("is kept during sleep at any level", async () => {
    const llm = await load({ loraModules: { sql: at("1.gguf") } });
    const before = await tokensOf(llm, "sql");
    for (const level of [1, 2] as const) {
      await llm.sleep(level);
      await llm.wake();
      expect(await tokensOf(llm, "sql")).toEqual(before);
    }
  });

  test("supports n, prompt log-probabilities, and penalties", async () => {
    const llm = await load({ loraModules: { sql: at("1.gguf") } });
    const options = { ...GREEDY, lora: "sql", n: 3, temperature: 1, seed: 5, promptLogprobs: 1 };
    const result = await llm.generate(PROMPT, { ...options, frequencyPenalty: 1 }).result;
    expect(result.choices.map(({ tokenIds }) => tokenIds.length)).toEqual([12, 12, 12]);
  });
});

describe("a file that is not an adapter for the model", () => {
  writeFileSync(at("empty.gguf"), "");
  writeFileSync(at("text.gguf"), "hello");
  mkdirSync(at("folder"));
  writeTinyAdapter(at("rank.gguf"), {}, { rank: 17 });
  writeTinyAdapter(at("wide.gguf"), { embeddingLength: 128 });
  writeTinyAdapter(at("deep.gguf"), { numLayers: 3 });
  writeTinyAdapter(at("other.gguf"), { architecture: "qwen3" });
  writeTinyAdapter(at("nan.gguf"), {}, { alpha: Number.NaN });

  test.each([
    ["empty.gguf", "adapter_refused"],
    ["text.gguf", "adapter_refused"],
    ["rank.gguf", "adapter_refused"],
    ["wide.gguf", "adapter_refused"],
    ["deep.gguf", "adapter_refused"],
    ["other.gguf", "adapter_refused"],
    ["nan.gguf", "adapter_refused"],
    ["model.gguf", "adapter_refused"],
    ["folder", "adapter_not_found"],
    ["absent.gguf", "adapter_not_found"],
  ])("is refused, and the model continues: %s", async (name, code) => {
    const llm = opened[1] as LLM;
    const before = await tokensOf(llm, "gguf");
    const refused = await llm.loadLora("x", at(name)).catch((error) => error as RequestError);
    expect(refused).toMatchObject({ name: "RequestError", code });
    expect((refused as Error).message).toStartWith("Loading lora x failed: ");
    expect(await tokensOf(llm, "gguf")).toEqual(before);
  });

  test("is named in the error, even if it is a converted folder", async () => {
    writePeftFolder(at("high"), peftConfig({ r: 17 }), peftTensors({}, { rank: 17 }, 64));
    const refused = (opened[1] as LLM).loadLora("x", at("high"));
    expect(await refused.catch(({ message }) => message)).toBe(
      `Loading lora x failed: adapter ${at("high")} has rank 17, above the limit of 16`,
    );
  });

  test("makes startup fail with the reason", async () => {
    const refused = load({ loraModules: { a: at("rank.gguf") } });
    expect(await refused.catch(({ message }) => message)).toContain("17");
    const off = load({ enableLora: false, loraModules: { a: at("1.gguf") } });
    expect(await off.catch(({ message }) => message)).toBe("loraModules requires enableLora");
  });
});

test("a request whose adapter's file has vanished ends with an error, and others continue", async () => {
  const argv = ["--enable-lora", "--kv-cache-memory-bytes=4M", at("model.gguf")];
  const options = parseOptions("serve", { argv, env: {}, readYaml: () => ({}) }, () => {});
  const lines: string[] = [];
  const engine = await startEngine(engineConfig(options, at("model.gguf")), {
    ...{ availableBytes: null, onLoadProgress: () => {}, log: (line) => lines.push(line) },
  });
  const ended = Promise.withResolvers<unknown>();
  engine.onOutputs(({ outputs }) => {
    for (const { finishReason, stopReason } of outputs) ended.resolve([finishReason, stopReason]);
  });
  const { samplingParams } = await import("../support/make-request.ts").then(({ makeRequest }) =>
    makeRequest("a", 4),
  );
  await engine.add({
    ...{ externalId: "cmpl-a", requestIds: ["a"], prompt: Int32Array.from(PROMPT), samplingParams },
    ...{ mustFit: false, priority: 0, cacheSalt: null },
    adapter: { name: "gone", key: "gone", path: at("gone.gguf") },
  });
  expect(await ended.promise).toEqual(["error", "adapter_failed"]);
  expect(lines).toEqual([
    `error: Loading lora gone failed: No adapter found for ${at("gone.gguf")}`,
  ]);
  expect(engine.unavailable).toBeNull();
  await engine.shutdown();
});
