// Loading and unloading of LoRA adapters: properties read from a file, every kind of bad file, and
// use of the slots during steps, sleep and disposal.

import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { LoadModelOptions, NativeModel } from "../../src/runner/addon-types.ts";
import { encodeGguf, type GgufTensor, type GgufValue } from "../support/gguf-writer.ts";
import { largestDifference, logitsOf } from "../support/logit-steps.ts";
import { loadTestModel } from "../support/native-step.ts";
import {
  type TinyAdapterOptions,
  tinyAdapterMetadata,
  tinyAdapterTensors,
  writeTinyAdapter,
} from "../support/tiny-adapter.ts";
import { type TinyGgufOptions, writeTinyGguf } from "../support/tiny-gguf.ts";
import { tempFolder } from "../support/tiny-model.ts";

const folder = tempFolder();
afterAll(folder.remove);

let numFiles = 0;
const newPath = () => join(folder.path, `${numFiles++}.gguf`);
const TOKENS = [5, 9, 33, 71, 4];

const open: NativeModel[] = [];
afterEach(async () => {
  for (const model of open.splice(0)) await model.dispose();
});

async function load(gguf: TinyGgufOptions = {}, options: Partial<LoadModelOptions> = {}) {
  const path = newPath();
  writeTinyGguf(path, gguf);
  const model = await loadTestModel(path, { maxAdapters: 2, ...options });
  open.push(model);
  return model;
}

function adapterFile(options: TinyAdapterOptions = {}, gguf: TinyGgufOptions = {}): string {
  const path = newPath();
  writeTinyAdapter(path, gguf, options);
  return path;
}

/** An adapter file with changed tensors. */
function changedFile(change: (tensors: GgufTensor[]) => GgufTensor[], gguf?: TinyGgufOptions) {
  const path = newPath();
  writeFileSync(path, encodeGguf(tinyAdapterMetadata(gguf), change(tinyAdapterTensors(gguf))));
  return path;
}

const withKey = (key: string, value: GgufValue) =>
  adapterFile({ metadata: new Map([[key, value]]) });

function brokenFile(change: (file: Uint8Array) => Uint8Array): string {
  const path = newPath();
  writeFileSync(path, change(readFileSync(adapterFile())));
  return path;
}

async function output(model: NativeModel, adapter = -1): Promise<Float32Array[]> {
  const [rows = []] = await logitsOf(model, [{ tokenIds: TOKENS, blockIds: [1], adapter }]);
  return rows;
}

/** @returns the error's code and message */
async function refusal(model: NativeModel, path: string, slot = 0): Promise<string> {
  try {
    await model.loadAdapter(path, slot);
  } catch (error) {
    const { code, message } = error as Error & { code: string };
    return `${code}: ${message.replace(path, "PATH")}`;
  }
  return "loaded";
}

describe("a loaded adapter", () => {
  test("reports the properties in its file", async () => {
    const model = await load();
    const metadata = new Map<string, GgufValue>([
      ["adapter.alora.invocation_tokens", ["u32[]", [7, 8, 9]]],
    ]);
    const changes = (name: string) => /attn_[qv]|output\.weight|^token_embd/.test(name);
    const path = adapterFile({ rank: 12, alpha: 24, metadata, changes });
    const { sizeBytes, ...info } = await model.loadAdapter(path, 1);
    expect(info).toEqual({
      ...{ name: "tiny adapter", architecture: "llama", rank: 12, alpha: 24 },
      targets: ["attn_output", "attn_q", "attn_v", "output", "token_embd"],
      invocationTokens: [7, 8, 9],
    });
    expect(sizeBytes).toBeGreaterThan(1000);
  });

  test("replaces the slot's previous one", async () => {
    const model = await load();
    const [first, second] = [adapterFile({ seed: 1 }), adapterFile({ seed: 2 })];
    await model.loadAdapter(first, 0);
    await model.loadAdapter(second, 1);
    const [of0, of1] = [await output(model, 0), await output(model, 1)];
    expect(largestDifference(of0, of1)).toBeGreaterThan(0.05);
    await model.loadAdapter(second, 0);
    await model.loadAdapter(first, 1);
    expect(largestDifference(await output(model, 0), of1)).toBe(0);
    expect(largestDifference(await output(model, 1), of0)).toBe(0);
  });

  test("can change different weights than the adapter it replaces", async () => {
    const model = await load();
    const changes = (name: string) => name.includes("ffn_up");
    await model.loadAdapter(adapterFile({ changes }), 1);
    const expected = await output(model, 1);
    await model.loadAdapter(adapterFile(), 0);
    await output(model, 0);
    await model.loadAdapter(adapterFile({ changes }), 0);
    expect(largestDifference(await output(model, 0), expected)).toBe(0);
  });

  test.each(["keep", "copy", "drop"] as const)(
    "survives a sleep with weights: %s",
    async (kept) => {
      const model = await load();
      await model.loadAdapter(adapterFile({ seed: 3 }), 0);
      const before = await output(model, 0);
      await model.sleep(kept);
      await model.loadAdapter(adapterFile({ seed: 4 }), 1);
      await model.wakeWeights();
      await model.wakeKvCache();
      expect(largestDifference(await output(model, 0), before)).toBe(0);
      expect(largestDifference(await output(model, 1), before)).toBeGreaterThan(0.05);
    },
  );
});

describe("loadAdapter() refuses an adapter", () => {
  let model: NativeModel;
  beforeAll(async () => {
    const path = newPath();
    writeTinyGguf(path);
    model = await loadTestModel(path, { maxAdapters: 1, maxAdapterRank: 16 });
  });
  afterAll(() => model.dispose());

  const rename = (from: RegExp, to: string) => () =>
    changedFile((tensors) => tensors.map((t) => ({ ...t, name: t.name.replace(from, to) })));
  const without = (suffix: string) => () =>
    changedFile(
      ([first, ...rest]) =>
        [first, ...rest].filter(
          (t, i) => t !== undefined && !(i < 2 && t.name.endsWith(suffix)),
        ) as GgufTensor[],
    );
  const withValue = (index: number, value: number) => () =>
    changedFile((tensors) => {
      tensors[index]?.values.fill(value, 5, 6);
      return tensors;
    });

  const CASES: readonly (readonly [string, () => string, string])[] = [
    [
      "whose file does not exist",
      () => "/nowhere/adapter.gguf",
      "adapter_not_found: adapter PATH cannot be opened: No such file",
    ],
    [
      "whose path is a folder",
      () => folder.path,
      "adapter_not_found: adapter PATH cannot be opened: it is a folder",
    ],
    [
      "that is not a GGUF file",
      () => brokenFile(() => new TextEncoder().encode("{}")),
      "adapter_not_gguf: adapter PATH is not a GGUF",
    ],
    ["that is empty", () => brokenFile(() => new Uint8Array()), "adapter_not_gguf"],
    [
      "that is a model",
      () => {
        const path = newPath();
        writeTinyGguf(path);
        return path;
      },
      "adapter_not_gguf: adapter PATH is a GGUF file, but not a LoRA adapter",
    ],
    ["of another type", () => withKey("adapter.type", ["string", "vera"]), "adapter_not_gguf"],
    [
      "with a truncated header",
      () => brokenFile((file) => file.subarray(0, 200)),
      "adapter_truncated: adapter PATH has a broken or incomplete GGUF header",
    ],
    [
      "with truncated data",
      () => brokenFile((file) => file.subarray(0, file.length - 5000)),
      "adapter_truncated: adapter PATH is truncated: it has",
    ],
    [
      "for another architecture",
      () => adapterFile({}, { architecture: "qwen3" }),
      'adapter_architecture: adapter PATH is for architecture "qwen3", but the model is "llama"',
    ],
    [
      "for a wider model",
      () => adapterFile({}, { embeddingLength: 128 }),
      "adapter_shape: adapter PATH changes blk.0.attn_k.weight with matrices of shapes [128, 8] and [8, 128]",
    ],
    [
      "for a deeper model",
      () => adapterFile({}, { numLayers: 3 }),
      "adapter_tensor: adapter PATH changes blk.2.attn_k.weight, which the model does not have",
    ],
    [
      "whose rank is too high",
      () => adapterFile({ rank: 17 }),
      "adapter_rank: adapter PATH has rank 17, above the limit of 16",
    ],
    [
      "with a NaN in A",
      withValue(0, NaN),
      "adapter_not_finite: adapter PATH has a NaN or an infinite value in blk.0.attn_q.weight.lora_a",
    ],
    [
      "with an infinity in B",
      withValue(1, Infinity),
      "adapter_not_finite: adapter PATH has a NaN or an infinite value in blk.0.attn_q.weight.lora_b",
    ],
    [
      "with a NaN as alpha",
      () => adapterFile({ alpha: NaN }),
      "adapter_not_finite: adapter PATH has an alpha that is not finite",
    ],
    ["with an infinite alpha", () => adapterFile({ alpha: -Infinity }), "adapter_not_finite"],
    [
      "with an alpha that is a string",
      () => withKey("adapter.lora.alpha", ["string", "16"]),
      "adapter_not_finite: adapter PATH has an alpha that is not a float",
    ],
    [
      "with other tensors",
      rename(/lora_b$/, "lora_m"),
      "adapter_tensor: adapter PATH has a tensor that is neither lora_a nor lora_b: blk.0.attn_q.weight.lora_m",
    ],
    [
      "with a missing A",
      without("lora_a"),
      "adapter_tensor: adapter PATH has only one of lora_a and lora_b for blk.0.attn_q.weight",
    ],
    [
      "with a missing B",
      without("lora_b"),
      "adapter_tensor: adapter PATH has only one of lora_a and lora_b for blk.0.attn_q.weight",
    ],
    ["without tensors", () => changedFile(() => []), "adapter_tensor: adapter PATH has no tensors"],
    [
      "that changes norms",
      rename(/attn_q\.weight/, "attn_norm.weight"),
      "adapter_unsupported: adapter PATH changes blk.0.attn_norm.weight: only the weights of dense matrix products can be adapted",
    ],
  ];

  test.each(CASES)("%s", async (_name, file, message) => {
    const before = await output(model);
    expect(await refusal(model, file())).toStartWith(message);
    expect(largestDifference(await output(model), before)).toBe(0);
  });

  test("that changes a tied head", async () => {
    const tied = { architecture: "gemma2" } as const;
    const path = adapterFile({ changes: (name) => name === "token_embd.weight" }, tied);
    const message =
      "adapter_unsupported: adapter PATH changes token_embd.weight: the model's head is tied";
    expect(await refusal(await load(tied), path)).toStartWith(message);
  });

  test("that changes experts", async () => {
    const gguf = { architecture: "gpt-oss" } as const;
    const path = changedFile(
      (tensors) => tensors.map((t) => ({ ...t, name: t.name.replace("attn_q", "ffn_up_exps") })),
      gguf,
    );
    const message =
      "adapter_unsupported: adapter PATH changes blk.0.ffn_up_exps.weight: weights of experts";
    expect(await refusal(await load(gguf), path)).toStartWith(message);
  });
});

describe("slots", () => {
  test("are checked", async () => {
    const model = await load();
    const path = adapterFile();
    for (const slot of [-1, 2, 0.5, NaN]) {
      expect(await refusal(model, path, slot)).toStartWith("invalid_argument");
      expect(() => model.unloadAdapter(slot)).toThrow();
    }
    model.unloadAdapter(1);
  });

  test("do not exist by default", async () => {
    const model = await load({}, { maxAdapters: 0 });
    expect(await refusal(model, adapterFile())).toStartWith(
      "invalid_argument: the slot must be in",
    );
  });

  test("used by a step must hold an adapter", async () => {
    const model = await load();
    await model.loadAdapter(adapterFile(), 1);
    await output(model, 1);
    for (const slot of [0, 2, -2]) {
      await expect(output(model, slot)).rejects.toThrow("adapterSlots[0]: no adapter in this slot");
    }
    model.unloadAdapter(1);
    await expect(output(model, 1)).rejects.toThrow("adapterSlots[0]: no adapter in this slot");
  });

  test("cannot be emptied during a step", async () => {
    const model = await load();
    await model.loadAdapter(adapterFile(), 0);
    const step = output(model, 0);
    expect(() => model.unloadAdapter(0)).toThrow("a step is in flight");
    await step;
    model.unloadAdapter(0);
  });

  test("are filled between steps while steps run", async () => {
    const model = await load();
    const files = [
      adapterFile({ seed: 1 }),
      adapterFile({ seed: 2, changes: (name) => name.includes("ffn") }),
    ];
    const base = await output(model);
    let isLoading = true;
    const loads = (async () => {
      for (let i = 0; i < 20; i++) await model.loadAdapter(files[i % 2] ?? "", i % 2);
      isLoading = false;
    })();
    let numSteps = 0;
    while (isLoading) {
      numSteps++;
      expect(largestDifference(await output(model), base)).toBe(0);
    }
    await loads;
    expect(numSteps).toBeGreaterThan(2);
    expect(largestDifference(await output(model, 1), base)).toBeGreaterThan(0.01);
  });

  test("can be loading while the model is disposed of", async () => {
    const model = await load();
    const step = output(model);
    const loading = Promise.allSettled(
      [0, 1, 0, 1].map((slot) => model.loadAdapter(adapterFile(), slot)),
    );
    const disposing = model.dispose();
    await Promise.all([step, loading, disposing]);
    expect(await refusal(model, adapterFile())).toStartWith("disposed");
  });
});
