// Sleep and wake-up of a loaded model: allowed calls during a sleep, restored state, and every order of calls.

import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { NativeModel, SleepingWeights } from "../../src/runner/addon-types.ts";
import { encodeGguf } from "../support/gguf-writer.ts";
import { loadTestModel, NativeStep } from "../support/native-step.ts";
import { emptyInit } from "../support/sampled-row.ts";
import { writeTinyGguf } from "../support/tiny-gguf.ts";
import { loadTiny, tempFolder } from "../support/tiny-model.ts";

const folder = tempFolder();
afterAll(folder.remove);

const TOKENS = [5, 9, 33, 71, 4];
const LEVELS: readonly SleepingWeights[] = ["keep", "copy", "drop"];

let numFiles = 0;

/** A model with its own file. */
async function load(seed = 1) {
  const path = join(folder.path, `sleep-${numFiles++}.gguf`);
  writeTinyGguf(path, { seed });
  return { path, model: await loadTestModel(path) };
}

/** Logprobs of the next token after TOKENS; with a sampler, tokens are not repeated. */
async function output(model: NativeModel, sampler = 0) {
  const step = new NativeStep(model);
  const rows = [{ numLogprobs: 5, sampler, presencePenalty: sampler > 0 ? 100 : 0 }];
  return step.run([{ tokenIds: TOKENS, blockIds: [1], rows }]);
}

async function wake(model: NativeModel): Promise<void> {
  await model.wakeWeights();
  await model.wakeKvCache();
}

/** A sampler that allows two tokens. */
function createSampler(model: NativeModel): number {
  return model.createSampler({
    ...emptyInit(model.info.vocabSize),
    promptTokenIds: Int32Array.from(TOKENS),
    allowedTokenIds: Int32Array.of(7, 8),
  });
}

const renderChat = (model: NativeModel) =>
  model.applyChatTemplate({
    json: JSON.stringify({ messages: [{ role: "user", content: "hi" }], tools: null, kwargs: {} }),
    chatTemplate: "",
    addGenerationPrompt: true,
    continueFinalMessage: false,
  });

/**
 * A header that matches the tiny llama's except for a vocabulary of one token. Its weights have the
 * same size.
 */
function writeOtherVocabulary(path: string, weightBytes: number): void {
  const numValues = weightBytes / Float32Array.BYTES_PER_ELEMENT;
  const metadata = new Map([
    ["general.architecture", ["string", "llama"]],
    ["general.name", ["string", "tiny llama"]],
    ["llama.block_count", ["u32", 2]],
    ["llama.embedding_length", ["u32", 64]],
    ["llama.attention.head_count_kv", ["u32", 2]],
    ["llama.attention.key_length", ["u32", 64]],
    ["llama.attention.value_length", ["u32", 64]],
    ["tokenizer.ggml.model", ["string", "llama"]],
    ["tokenizer.ggml.tokens", ["string[]", ["a"]]],
  ] as const);
  const values = new Float32Array(numValues);
  writeFileSync(
    path,
    encodeGguf(metadata, [{ name: "all", shape: [numValues], type: "F32", values }]),
  );
}

/** Code of the error that a call throws or rejects with. */
async function codeOf(call: () => Promise<unknown> | unknown): Promise<string> {
  try {
    await call();
    return "none";
  } catch (error) {
    return (error as { code: string }).code;
  }
}

describe("a sleep", () => {
  test.each([...LEVELS])("with weights %p does not change later results", async (weights) => {
    const { model } = await load();
    const before = await output(model);
    await model.sleep(weights);
    await wake(model);
    expect(await output(model)).toEqual(before);
    await model.dispose();
  });

  test("keeps only the requested memory", async () => {
    const { model } = await load();
    const awake = model.memory();
    expect(awake.kv).toBeGreaterThan(0);
    expect(awake.scratch).toBeGreaterThan(0);
    await model.sleep("keep");
    expect(model.memory()).toEqual({ weights: awake.weights, kv: 0, scratch: 0 });
    await model.sleep("copy");
    expect(model.memory().weights).toBeGreaterThanOrEqual(awake.weights);
    await model.sleep("drop");
    expect(model.memory()).toEqual({ weights: 0, kv: 0, scratch: 0 });
    await model.sleep("keep");
    expect(model.memory().weights).toBe(0);
    await model.wakeWeights();
    expect(model.memory()).toEqual({ weights: awake.weights, kv: 0, scratch: 0 });
    await model.wakeKvCache();
    expect(model.memory()).toEqual(awake);
    await model.dispose();
  });

  test.each([...LEVELS])(
    "with weights %p keeps tokenizer, template and samplers working",
    async (weights) => {
      const { model } = await load();
      const sampler = createSampler(model);
      const [first] = await output(model, sampler);
      const text = "hello there";
      const ids = await model.tokenize(text, true, true);
      const { bytes } = model.vocabulary();
      await model.sleep(weights);
      expect(await model.tokenize(text, true, true)).toEqual(ids);
      expect(await model.detokenize(ids, true)).toBe(text);
      expect(model.vocabulary().bytes).toEqual(bytes);
      expect(model.info.vocabSize).toBeGreaterThan(0);
      expect(await renderChat(model)).toBe(
        "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n",
      );
      await wake(model);
      const [second] = await output(model, sampler);
      expect([first?.tokenId, second?.tokenId].sort()).toEqual([7, 8]);
      await model.dispose();
    },
  );

  test("refuses a step and has no effect when repeated", async () => {
    const { model } = await load();
    await model.sleep("drop");
    await model.sleep("drop");
    expect(await codeOf(() => output(model))).toBe("asleep");
    expect(await codeOf(() => model.wakeKvCache())).toBe("asleep");
    await wake(model);
    await wake(model);
    expect((await output(model)).length).toBe(1);
    expect(await codeOf(() => model.sleep("deep" as SleepingWeights))).toBe("invalid_argument");
    expect(await codeOf(() => model.freeSampler(createSampler(model)))).toBe("none");
    await model.dispose();
  });

  test("keeps weights that are not on a device at level 1 and drops them at level 2", async () => {
    const runner = await loadTiny(folder.path);
    const { weights } = runner.memory();
    expect(runner.info.weightsOnDevice).toBe(false);
    await runner.sleep(1);
    expect(runner.memory()).toEqual({ weights, kv: 0, scratch: 0 });
    await runner.sleep(2);
    expect(runner.memory()).toEqual({ weights: 0, kv: 0, scratch: 0 });
    await runner.dispose();
  });

  test("works twenty times in a row", async () => {
    const { model } = await load();
    const before = await output(model);
    for (let i = 0; i < 20; i++) {
      await model.sleep(LEVELS[i % LEVELS.length] ?? "keep");
      await wake(model);
    }
    expect(await output(model)).toEqual(before);
    await model.dispose();
  });
});

describe("a sleeping model's file", () => {
  test("can be removed once its weights are copied", async () => {
    const { path, model } = await load();
    const before = await output(model);
    await model.sleep("copy");
    rmSync(path);
    await model.sleep("copy");
    expect(await codeOf(() => model.sleep("drop"))).toBe("model_not_found");
    await wake(model);
    expect(await output(model)).toEqual(before);
    await model.dispose();
  });

  test("is needed for dropped weights: the wake-up fails while it is missing, and works once it is back", async () => {
    const { path, model } = await load();
    const before = await output(model);
    await model.sleep("drop");
    renameSync(path, `${path}.away`);
    expect(await codeOf(() => model.wakeWeights())).toBe("model_not_found");
    expect(await codeOf(() => output(model))).toBe("asleep");
    renameSync(`${path}.away`, path);
    await wake(model);
    expect(await output(model)).toEqual(before);
    await model.dispose();
  });

  test("must exist before weights are dropped; otherwise the model stays awake", async () => {
    const { path, model } = await load();
    const before = await output(model);
    rmSync(path);
    expect(existsSync(path)).toBe(false);
    expect(await codeOf(() => model.sleep("drop"))).toBe("model_not_found");
    expect(await output(model)).toEqual(before);
    await model.dispose();
  });

  test("is refused if it now contains a different model", async () => {
    const { path, model } = await load();
    const { weights } = model.memory();
    await model.sleep("drop");
    writeTinyGguf(path, { architecture: "qwen3" });
    expect(await codeOf(() => model.wakeWeights())).toBe("model_unsupported");
    writeOtherVocabulary(path, weights);
    await expect(model.wakeWeights()).rejects.toThrow("contains a different model");
    await model.dispose();
  });

  test("leaves the model awake if it cannot be copied, and does not affect the next sleep", async () => {
    const { path, model } = await load();
    const [before, awake] = [await output(model), model.memory()];
    const ids = await model.tokenize("hello there", true, true);
    renameSync(path, `${path}.away`); // the loaded weights are mapped from it
    writeTinyGguf(path, { architecture: "qwen3", tokenizer: "bpe" });
    expect(await codeOf(() => model.sleep("copy"))).toBe("model_unsupported");
    expect(model.memory()).toEqual(awake);
    expect(await output(model)).toEqual(before);
    renameSync(`${path}.away`, path);
    await model.sleep("drop");
    expect(await model.tokenize("hello there", true, true)).toEqual(ids);
    await wake(model);
    expect(await output(model)).toEqual(before);
    await model.dispose();
  });
});

describe("concurrent calls", () => {
  test("fail as busy while a sleep or a wake-up is in progress", async () => {
    const { model } = await load();
    const sleeping = model.sleep("drop");
    // All calls begin before the sleep can finish. A call that throws instead of rejecting fails the test.
    const calls = [model.sleep("keep"), model.wakeWeights(), model.wakeKvCache(), output(model)];
    const codes = Promise.all([
      ...calls.map((call) => codeOf(() => call)),
      codeOf(() => createSampler(model)),
      codeOf(() => model.freeSampler(1)),
    ]);
    expect(new Set(await codes)).toEqual(new Set(["busy"]));
    await sleeping;
    await wake(model);
    const step = output(model);
    expect(await codeOf(() => model.sleep("keep"))).toBe("busy");
    await step;
    await model.dispose();
  });

  test("can tokenize while the vocabulary is replaced", async () => {
    const { model } = await load();
    const ids = await model.tokenize("hello", true, true);
    const all = Array.from({ length: 50 }, () => model.tokenize("hello", true, true));
    const sleeping = model.sleep("drop");
    for (const tokens of await Promise.all(all)) expect(tokens).toEqual(ids);
    await sleeping;
    await model.dispose();
  });

  test("include disposal, which waits for a sleep or a wake-up and works in any state", async () => {
    for (const weights of LEVELS) {
      const asleep = (await load()).model;
      await asleep.sleep(weights);
      await asleep.dispose();
      const inBetween = (await load()).model;
      const sleeping = inBetween.sleep(weights);
      await inBetween.dispose();
      await sleeping;
      expect(await codeOf(() => inBetween.wakeWeights())).toBe("disposed");
      const waking = (await load()).model;
      await waking.sleep(weights);
      const woken = waking.wakeWeights();
      await waking.dispose();
      await woken;
    }
  });
});
