// Loading: error messages for files that cannot be served, and the properties of a loaded model.

import { afterAll, describe, expect, test } from "bun:test";
import { renameSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startEngine } from "../../src/engine/start-engine.ts";
import { ConfigError } from "../../src/errors.ts";
import { loadAddon } from "../../src/runner/addon.ts";
import type { NativeError } from "../../src/runner/addon-types.ts";
import { NativeModelRunner } from "../../src/runner/native-model-runner.ts";
import { fakeConfig } from "../support/fake-engine-child.ts";
import { encodeGguf, type GgufTensor, type GgufValue } from "../support/gguf-writer.ts";
import { tinyGguf, writeTinyGguf } from "../support/tiny-gguf.ts";
import { loadOptions, loadTiny, tempFolder } from "../support/tiny-model.ts";
import { settled } from "../support/waiting.ts";

const folder = tempFolder();
afterAll(folder.remove);
const HOST = { availableBytes: null, onLoadProgress: () => {} };
const at = (name: string) => join(folder.path, name);

async function failure(path: string, options = {}): Promise<NativeError> {
  return NativeModelRunner.load(loadOptions(path, options)).then(
    () => {
      throw new Error("the model was loaded");
    },
    (error: NativeError) => error,
  );
}

describe("loading", () => {
  test("reports a missing file", async () => {
    const error = await failure(at("missing.gguf"));
    expect([error.code, error.message]).toEqual([
      "model_not_found",
      `cannot open ${at("missing.gguf")}: No such file or directory`,
    ]);
  });

  test("reports a folder", async () => {
    expect(await failure(folder.path)).toMatchObject({
      ...{ code: "model_not_found", message: `cannot open ${folder.path}: it is a folder` },
    });
  });

  test("reports the first part's name if given another part of a model", async () => {
    const keys: [string, GgufValue][] = [
      ["split.no", ["u16", 1]],
      ["split.count", ["u16", 3]],
      ["split.tensors.count", ["i32", 9]],
    ];
    for (const [name, first] of [
      ["big-00002-of-00003.gguf", `, ${at("big-00001-of-00003.gguf")}`],
      ["renamed.gguf", ""],
    ] as const) {
      writeFileSync(at(name), encodeGguf(new Map(keys), []));
      expect(await failure(at(name))).toMatchObject({
        code: "model_unsupported",
        message: `${at(name)} is part 2 of 3 of a model; pass the first part${first}`,
      });
    }
  });

  describe("a model in two files", () => {
    const { metadata, tensors } = tinyGguf();
    const halves = [tensors.slice(0, 12), tensors.slice(12)];
    /** @returns the path of the first part */
    function writeParts(name: string, parts: readonly GgufTensor[][] = halves): string {
      parts.forEach((part, i) => {
        const split: [string, GgufValue][] = [
          ["split.no", ["u16", i]],
          ["split.count", ["u16", 2]],
          ["split.tensors.count", ["i32", tensors.length]],
        ];
        const keys = new Map([...(i === 0 ? metadata : []), ...split]);
        writeFileSync(at(`${name}-0000${i + 1}-of-00002.gguf`), encodeGguf(keys, part));
      });
      return at(`${name}-00001-of-00002.gguf`);
    }
    const second = (name: string) => at(`${name}-00002-of-00002.gguf`);

    test("has the weights of both files", async () => {
      writeFileSync(at("whole.gguf"), encodeGguf(metadata, tensors));
      const addon = await loadAddon();
      const whole = await addon.readModelHeader(at("whole.gguf"), "f16");
      expect(await addon.readModelHeader(writeParts("both"), "f16")).toEqual(whole);
      expect(whole.weightBytes).toBeGreaterThan(0);
    });

    test("is refused if its second part is missing", async () => {
      const first = writeParts("lone", halves.slice(0, 1));
      expect(await failure(first)).toMatchObject({
        code: "model_not_found",
        message: `a part of the model is missing: there is no file ${second("lone")}`,
      });
    });

    test("is refused with the name of a part that is truncated or not a model", async () => {
      const first = writeParts("cut");
      truncateSync(second("cut"), 2000);
      const error = await failure(first);
      expect(error.code).toBe("model_truncated");
      expect(error.message).toStartWith(
        `${second("cut")} is truncated: it has 2000 bytes, but its tensors need at least`,
      );
      writeFileSync(second("cut"), "hello");
      expect(await failure(first)).toMatchObject({
        ...{ code: "model_not_gguf", message: `${second("cut")} is not a GGUF file` },
      });
    });

    test("is refused when its second part has a norm that operators cannot read", async () => {
      const [before = [], after = []] = halves;
      const norms = after.map((tensor) =>
        tensor.name.endsWith("norm.weight") ? { ...tensor, type: "F16" as const } : tensor,
      );
      const error = await failure(writeParts("norms", [before, norms]));
      expect(error.message).toContain(
        "norm.weight in f16; norms, biases, scales and sinks must be",
      );
    });

    test("is refused if its first part has been renamed", async () => {
      renameSync(writeParts("named"), at("renamed-first.gguf"));
      expect(await failure(at("renamed-first.gguf"))).toMatchObject({
        code: "model_unsupported",
        message: `${at("renamed-first.gguf")} is part 1 of 2 of a model; its name must end in -00001-of-00002.gguf, and the names of the other parts must match it`,
      });
    });
  });

  test.each([
    ["bert", {}, "model_unsupported"],
    ["llama", { chatTemplate: "{% if" }, "template_error"],
  ])(
    "an engine reports a faulty model (%s, %p) as ConfigError %s",
    async (architecture, options, code) => {
      const { metadata, tensors } = tinyGguf();
      const keys = new Map(metadata).set("general.architecture", ["string", architecture]);
      writeFileSync(at("faulty.gguf"), encodeGguf(keys, tensors));
      const config = { ...fakeConfig(), ...options, modelPath: at("faulty.gguf") };
      const error = await startEngine(
        { ...config, numBlocksOverride: 64 },
        { ...HOST, log: () => {} },
      ).catch((fault) => fault);
      expect(error).toBeInstanceOf(ConfigError);
      expect([error.code, error.cause.code]).toEqual([code, code]);
    },
  );

  test("refuses a model without a tokenizer and names the missing key", async () => {
    const { metadata, tensors } = tinyGguf();
    const key = "tokenizer.ggml.model";
    const withKind = (kind: string | null) => {
      const changed = new Map(metadata);
      if (kind === null) changed.delete(key);
      else changed.set(key, ["string", kind]);
      writeFileSync(at("no-tokenizer.gguf"), encodeGguf(changed, tensors));
      return failure(at("no-tokenizer.gguf"));
    };
    expect((await withKind(null)).message).toBe(`the model file lacks ${key}`);
    for (const kind of ["none", "no_vocab"]) {
      expect(await withKind(kind)).toMatchObject({
        code: "model_unsupported",
        message: `the model file sets ${key} to "${kind}"; without a vocabulary, it cannot read or write text`,
      });
    }
  });

  const wrongKeys: [string, GgufValue | null, string][] = [
    ["rope.scaling.type", ["string", "foo"], 'to "foo"; it must be none, linear, yarn or longrope'],
    ["rope.scaling.type", ["string", ""], 'to ""; it must be none, linear, yarn or longrope'],
    ["block_count", ["u32", 0], "to 0"],
    ["block_count", ["u32", 513], "to 513"],
    ["block_count", null, "lacks"],
    ["embedding_length", ["u32", 0], "to 0"],
    ["attention.head_count_kv", ["u32", 0], "no layer in the model file has KV heads"],
    ["expert_count", ["u32", 4], "lacks"],
    ["expert_used_count", ["u32", 2], "to 2"],
    ["attention.layer_norm_rms_epsilon", ["f32", Number.NaN], "to nan"],
    ["rope.dimension_count", ["u32", 0], "to 0; it must be even and in [2, 64]"],
    ["rope.dimension_count", ["u32", 63], "to 63; it must be even and in [2, 64]"],
    ["rope.dimension_count", ["u32", 66], "to 66; it must be even and in [2, 64]"],
    ["rope.dimension_count_swa", ["u32", 0], "to 0; it must be even and in [2, 64]"],
    ["rope.dimension_count_swa", ["u32", 3], "to 3; it must be even and in [2, 64]"],
    ["attention.layer_norm_rms_epsilon", ["f32", -1], "to -1.000000"],
  ];
  test.each(wrongKeys)("refuses the key %s with value %p by name", async (key, value, reason) => {
    const { metadata, tensors } = tinyGguf();
    const changed = new Map(metadata);
    if (value === null) changed.delete(`llama.${key}`);
    else changed.set(`llama.${key}`, value);
    writeFileSync(at("wrong-key.gguf"), encodeGguf(changed, tensors));
    const { code, message } = await failure(at("wrong-key.gguf"));
    expect(code).toBe("model_unsupported");
    expect(message).toContain("the model file ");
    expect(message).toContain(reason);
    // A missing expert count is detected through the related key.
    expect(message).toContain(key === "expert_count" ? "llama.expert_used_count" : "llama.");
  });

  test("refuses a chat template that is not a string", async () => {
    const { metadata, tensors } = tinyGguf();
    const changed = new Map(metadata).set("tokenizer.chat_template", ["u32", 7]);
    writeFileSync(at("no-text.gguf"), encodeGguf(changed, tensors));
    expect(await failure(at("no-text.gguf"))).toMatchObject({
      code: "model_unsupported",
      message:
        "the model file sets tokenizer.chat_template to a value of type u32; it must be a string",
    });
  });

  const ATTENTION_SCALE = {
    ...{ name: "blk.0.attn_q.scale", shape: [1], type: "F32" as const },
    values: Float32Array.of(1),
  };
  const vectors = ["output_norm.weight", "blk.1.attn_norm.weight", "blk.0.attn_output.bias"];
  test.each([...vectors, ATTENTION_SCALE.name, "blk.1.attn_sinks.weight"])(
    "refuses %s in a type other than f32",
    async (name) => {
      const { metadata, tensors } = tinyGguf({ architecture: "gpt-oss", tokenizer: "bpe" });
      const changed = [...tensors, ATTENTION_SCALE].map((one) =>
        one.name === name ? { ...one, type: "F16" as const } : one,
      );
      writeFileSync(at("half.gguf"), encodeGguf(metadata, changed));
      expect(await failure(at("half.gguf"))).toMatchObject({
        code: "model_unsupported",
        message: `the model file has ${name} in f16; norms, biases, scales and sinks must be f32`,
      });
    },
  );

  test("loads a byte-level vocabulary without a pre-tokenizer, with a warning", async () => {
    const { metadata, tensors } = tinyGguf({ tokenizer: "bpe" });
    const without = new Map(metadata);
    without.delete("tokenizer.ggml.pre");
    writeFileSync(at("no-pre.gguf"), encodeGguf(without, tensors));
    writeFileSync(at("pre.gguf"), encodeGguf(metadata, tensors));
    const lines: string[] = [];
    const log = (line: string) => lines.push(line);
    for (const name of ["no-pre.gguf", "pre.gguf", "fine.gguf"]) {
      if (name === "fine.gguf") writeTinyGguf(at(name));
      const config = { ...fakeConfig(), modelPath: at(name), numBlocksOverride: 64 };
      const engine = await startEngine(config, { ...HOST, log });
      expect(engine.info.model.lacksPreTokenizer).toBe(name === "no-pre.gguf");
      await engine.shutdown();
    }
    expect(lines).toEqual([
      "warning: the model file has no tokenizer.ggml.pre, so text may be tokenized differently than in training; convert the model again",
    ]);
  });

  test("warns that GPU layers have no effect without a GPU", async () => {
    writeTinyGguf(at("layers.gguf"));
    const config = { ...fakeConfig(), modelPath: at("layers.gguf"), numBlocksOverride: 64 };
    const linesWith = async (numGpuLayers: number) => {
      const lines: string[] = [];
      const log = (line: string) => lines.push(line);
      const engine = await startEngine({ ...config, numGpuLayers }, { ...HOST, log });
      await engine.shutdown();
      return lines;
    };
    const { hasGpu } = await loadAddon();
    const warning = "warning: --gpu-layers 99 has no effect: this build finds no GPU";
    expect(await linesWith(99)).toEqual(hasGpu ? [] : [warning]);
    expect(await linesWith(-1)).toEqual([]);
    expect(await linesWith(0)).toEqual([]);
  });

  test("refuses a file that is empty or not GGUF", async () => {
    for (const [name, content] of [
      ["empty.gguf", ""],
      ["text.gguf", "hello there"],
    ] as const) {
      writeFileSync(at(name), content);
      expect(await failure(at(name))).toMatchObject({
        code: "model_not_gguf",
        message: `${at(name)} is not a GGUF file`,
      });
    }
  });

  test("reports a truncated file", async () => {
    writeTinyGguf(at("short.gguf"), { fault: "truncated" });
    const error = await failure(at("short.gguf"));
    expect(error.code).toBe("model_truncated");
    expect(error.message).toContain("download it again");
  });

  test("reports a truncated header", async () => {
    writeTinyGguf(at("whole.gguf"));
    writeFileSync(at("cut.gguf"), (await Bun.file(at("whole.gguf")).bytes()).subarray(0, 200));
    expect((await failure(at("cut.gguf"))).code).toBe("model_truncated");
  });

  test("reports an architecture that llama.cpp does not know", async () => {
    writeTinyGguf(at("alien.gguf"), { fault: "unknown-architecture" });
    const error = await failure(at("alien.gguf"));
    expect(error.code).toBe("model_unsupported");
    expect(error.message).toContain("is unknown to this version of llama.cpp");
    // The error is about the name, not about the missing keys that would begin with it.
    const { metadata, tensors } = tinyGguf();
    const renamed = new Map(metadata).set("general.architecture", ["string", "LLaMA"]);
    writeFileSync(at("alien.gguf"), encodeGguf(renamed, tensors));
    expect((await failure(at("alien.gguf"))).message).toBe(
      "architecture LLaMA is unknown to this version of llama.cpp",
    );
  });

  test("refuses a recurrent model by name", async () => {
    writeTinyGguf(at("recurrent.gguf"), { architecture: "mamba" });
    const error = await failure(at("recurrent.gguf"));
    expect(error.code).toBe("model_unsupported");
    expect(error.message).toContain("recurrent layers");
  });

  test("reports a KV cache larger than memory", async () => {
    writeTinyGguf(at("fine.gguf"));
    const error = await failure(at("fine.gguf"), { numBlocks: 100_000_000 });
    expect(error.code).toBe("out_of_memory");
    expect(error.message).toMatch(/\d+ MiB for the KV cache, but only \d+ MiB are free/);
  });

  test("reports a chat template that does not parse", async () => {
    const error = await failure(at("fine.gguf"), { chatTemplate: "{% if %}" });
    expect(error.code).toBe("template_error");
  });

  test("reports options out of range", async () => {
    for (const bad of [
      { blockSize: 0 },
      { numBlocks: 1 },
      { maxNumSeqs: 257 },
      { numThreads: 0 },
      { poll: 101 },
      { cpuAffinity: Int32Array.of(0, 512) },
      { cpuAffinity: [0] as never },
      { attentionBackend: "other" as never },
      { kvCacheType: "q8" as never },
      { kvCacheType: "q4_0" as never },
    ]) {
      expect((await failure(at("fine.gguf"), bad)).code).toBe("invalid_argument");
    }
  });

  test("reads everything that the memory plan needs from the header", async () => {
    const addon = await loadAddon();
    const header = await addon.readModelHeader(at("fine.gguf"), "f16");
    expect(header).toMatchObject({ architecture: "llama", numLayers: 2, kvBytesPerToken: 1024 });
    const wide = await addon.readModelHeader(at("fine.gguf"), "f32");
    expect(wide.kvBytesPerToken).toBe(2048);
    const narrow = await addon.readModelHeader(at("fine.gguf"), "q8_0");
    expect(narrow.kvBytesPerToken).toBe((1024 / 2 / 32) * 34);
    expect(header.weightBytes).toBeGreaterThan(0);
  });

  test("reports the exact size of the KV pool, and progress", async () => {
    const shares: number[] = [];
    const runner = await NativeModelRunner.load(loadOptions(at("fine.gguf")), (share) =>
      shares.push(share),
    );
    expect(runner.memory().kv).toBe(64 * 16 * 1024);
    expect(runner.memory().scratch).toBeGreaterThan(0);
    await settled();
    expect(shares.at(-1)).toBe(1);
    await runner.dispose();
  });

  test("two models can be loaded at once", async () => {
    const [a, b] = await Promise.all([
      loadTiny(folder.path, { seed: 1 }),
      loadTiny(folder.path, { seed: 2 }),
    ]);
    await a?.dispose();
    expect(b?.info.vocabSize).toBe(b?.tokenizer.vocabSize as number);
    await b?.dispose();
  });
});
