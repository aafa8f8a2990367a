// PEFT folders converted to llama.cpp's format: the result has the bytes that llama.cpp's converter would write, and
// every fault in a folder has an error of its own.

import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { adapterOpener } from "../../src/adapters/adapter-files.ts";
import { encodeGguf, type GgufValue, type TensorType } from "../support/gguf-writer.ts";
import {
  encodeSafetensors,
  type PeftTensor,
  peftConfig,
  peftTensors,
  safetensorsOf,
  writePeftFolder,
} from "../support/peft-adapter.ts";
import { type TinyAdapterOptions, tinyAdapterTensors } from "../support/tiny-adapter.ts";
import { type TinyGgufOptions, writeTinyGguf } from "../support/tiny-gguf.ts";

const folder = mkdtempSync(join(tmpdir(), "pagoda-peft-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let numFolders = 0;
const newFolder = () => join(folder, `adapter-${numFolders++}`);

function modelPath(model: TinyGgufOptions): string {
  const path = join(folder, `${model.architecture ?? "llama"}.gguf`);
  writeTinyGguf(path, model);
  return path;
}

const openLlama = adapterOpener(modelPath({}));

/** Bytes of the converted folder. */
async function converted(path: string, open = openLlama): Promise<Buffer> {
  const adapter = await open(path);
  try {
    return readFileSync(adapter.path);
  } finally {
    await adapter.close();
  }
}

function convert(tensors: readonly PeftTensor[], config: object = peftConfig()): Promise<Buffer> {
  const path = newFolder();
  writePeftFolder(path, config, tensors);
  return converted(path);
}

const faultOf = (conversion: Promise<unknown>) =>
  conversion.then(
    () => null,
    ({ code, message }) => [code, message],
  );

function expectedGguf(
  model: TinyGgufOptions,
  options: TinyAdapterOptions,
  alpha = 16,
  more: [string, GgufValue][] = [],
): Buffer {
  const metadata = new Map<string, GgufValue>([
    ["general.architecture", ["string", model.architecture ?? "llama"]],
    ["general.type", ["string", "adapter"]],
    ["adapter.type", ["string", "lora"]],
    ["adapter.lora.alpha", ["f32", alpha]],
    ...more,
  ]);
  return Buffer.from(encodeGguf(metadata, tinyAdapterTensors(model, options)));
}

describe("a PEFT folder", () => {
  test.each<["F32" | "F16" | "BF16"]>([["F32"], ["F16"], ["BF16"]])(
    "of %s matrices is converted with its q and k rows in llama.cpp's order",
    async (type) => {
      const options = { type: type as TensorType };
      expect(await convert(peftTensors({}, options, 64))).toEqual(expectedGguf({}, options));
    },
  );

  test.each(["qwen3", "gemma2"] as const)("for %s keeps its row order", async (architecture) => {
    const path = newFolder();
    const changes = (name: string) => /^blk\.\d+\.(attn_[qkv]|ffn_\w+)\.weight$/.test(name);
    writePeftFolder(path, peftConfig(), peftTensors({ architecture }, { changes }));
    const bytes = await converted(path, adapterOpener(modelPath({ architecture })));
    expect(bytes).toEqual(expectedGguf({ architecture }, { changes }));
  });

  test("has the embedding's A transposed", async () => {
    const changes = (name: string) => name === "token_embd.weight";
    expect(await convert(peftTensors({}, { changes }))).toEqual(expectedGguf({}, { changes }));
  });

  test("keeps its scale: alpha / r, alpha / sqrt(r) with rsLoRA", async () => {
    const tensors = peftTensors({}, {}, 64);
    const rooted = await convert(tensors, peftConfig({ use_rslora: true }));
    expect(rooted).toEqual(expectedGguf({}, {}, (16 / Math.sqrt(8)) * 8));
  });

  test("keeps the ranks and scales that it sets for some modules", async () => {
    const isDown = (name: string) => name === "blk.0.ffn_down.weight";
    const isUp = (name: string) => name === "blk.0.ffn_up.weight";
    const up = { changes: isUp, rank: 8 };
    const down = { changes: isDown, rank: 4 };
    const config = peftConfig({ rank_pattern: { down_proj: 4 }, alpha_pattern: { down_proj: 4 } });
    const tensors = [...peftTensors({}, up), ...peftTensors({}, down)];
    const bytes = await convert(tensors, config);
    // llama.cpp scales by 16 / 4; the config says 4 / 4.
    const halved = tinyAdapterTensors({}, down).map((tensor) =>
      tensor.name.endsWith("lora_b")
        ? { ...tensor, values: tensor.values.map((value) => value * 0.25) }
        : tensor,
    );
    const start = bytes.length - dataBytes(halved);
    const all = Buffer.from(encodeGguf(new Map(), halved));
    expect(bytes.subarray(start)).toEqual(all.subarray(all.length - dataBytes(halved)));
  });

  test("keeps the invocation tokens of an aLoRA", async () => {
    const config = peftConfig({ alora_invocation_tokens: [5, 6] });
    const tokens: GgufValue = ["u32[]", [5, 6]];
    expect(await convert(peftTensors({}, {}, 64), config)).toEqual(
      expectedGguf({}, {}, 16, [["adapter.alora.invocation_tokens", tokens]]),
    );
  });

  test("leaves no temporary file behind, whether it is converted or refused", async () => {
    const left = () => readdirSync(tmpdir()).filter((name) => name.startsWith("pagoda-adapter-"));
    const before = left();
    await convert(peftTensors({}, {}, 64));
    const [first] = peftTensors({}, {}, 64);
    await faultOf(convert([first as PeftTensor]));
    expect(left()).toEqual(before);
  });
});

const dataBytes = (tensors: readonly { readonly values: Float32Array }[]) =>
  tensors.reduce((sum, { values }) => sum + Math.ceil(values.byteLength / 32) * 32, 0);

describe("a PEFT folder is refused", () => {
  const tensors = peftTensors({}, {}, 64);
  const renamed = (name: string) => [{ ...(tensors[0] as PeftTensor), name }, ...tensors.slice(1)];
  const prefix = "base_model.model.model";

  test.each<[string, object, string]>([
    ["adapter_unsupported", { use_dora: true }, "DoRA is not supported"],
    ["adapter_unsupported", { modules_to_save: ["lm_head"] }, "modules_to_save, which replaces"],
    ["adapter_unsupported", { bias: "all" }, "a trained bias (bias: all) is not supported"],
    ["adapter_unsupported", { lora_bias: true }, "a trained bias (lora_bias) is not supported"],
    ["adapter_unsupported", { peft_type: "IA3" }, "an adapter of type IA3 is not supported"],
    ["adapter_unsupported", { fan_in_fan_out: true }, "fan_in_fan_out is not supported"],
    ["adapter_unsupported", { init_lora_weights: "pissa_niter_4" }, "pissa_niter_4, which changes"],
    ["adapter_unsupported", { invocation_string: "<go>" }, "invocation_string without"],
    ["adapter_unsupported", { rank_pattern: { ".*q_proj|k": 4 } }, "the expression .*q_proj|k"],
    ["adapter_config", { r: 0 }, "r must be a positive number, got 0"],
    ["adapter_config", { r: 2.5 }, "r must be an integer, got 2.5"],
    ["adapter_config", { r: "8" }, 'r must be a positive number, got "8"'],
    ["adapter_config", { lora_alpha: -1 }, "lora_alpha must be a positive number, got -1"],
    ["adapter_config", { lora_alpha: null }, "lora_alpha must be a positive number, got null"],
    ["adapter_config", { rank_pattern: [] }, "rank_pattern must be an object"],
    ["adapter_config", { alora_invocation_tokens: [-1] }, "alora_invocation_tokens must be a list"],
    ["adapter_tensor", { r: 4 }, "has rank 8, but adapter_config.json says 4"],
  ])("with %s for the config %o", async (code, config, message) => {
    expect(await faultOf(convert(tensors, peftConfig(config)))).toEqual([
      code,
      expect.stringContaining(message),
    ]);
  });

  test.each<[string, string, string]>([
    [`${prefix}.layers.0.self_attn.q_proj.lora_magnitude_vector`, "adapter_unsupported", "DoRA"],
    [`${prefix}.layers.0.self_attn.q_proj.lora_B.bias`, "adapter_unsupported", "a trained bias"],
    [`${prefix}.embed_tokens.weight`, "adapter_unsupported", "a saved weight"],
    [`${prefix}.layers.0.input_layernorm.weight`, "adapter_tensor", "is neither lora_A nor lora_B"],
    [`${prefix}.layers.7.mlp.up_proj.lora_A.weight`, "adapter_tensor", "has only one of"],
  ])("with the tensor %s", async (name, code, message) => {
    expect(await faultOf(convert(renamed(name)))).toEqual([code, expect.stringContaining(message)]);
  });

  const pair = (module: string) =>
    tensors.slice(0, 2).map((tensor) => ({
      ...tensor,
      name: tensor.name.replace(/^.*(?=\.lora_)/, module),
    }));

  test("with an adapter on a tied head, on layers that the model lacks, or without tensors", async () => {
    const tied = newFolder();
    writePeftFolder(tied, peftConfig(), pair("base_model.model.lm_head"));
    const open = adapterOpener(modelPath({ architecture: "gemma2" }));
    expect(await faultOf(converted(tied, open))).toEqual([
      "adapter_unsupported",
      "the adapter changes lm_head, but the model's head is its embedding matrix",
    ]);
    const beyond = pair(`${prefix}.layers.9.mlp.up_proj`);
    expect(await faultOf(convert(beyond))).toEqual([
      "adapter_tensor",
      `the adapter changes ${prefix}.layers.9.mlp.up_proj, but the model has no blk.9.ffn_up.weight`,
    ]);
    expect((await faultOf(convert(pair(`${prefix}.layers.0.mlp.experts.up`))))?.[1]).toBe(
      `the adapter changes ${prefix}.layers.0.mlp.experts.up, which cannot be adapted`,
    );
    expect(await faultOf(convert([]))).toEqual(["adapter_tensor", "the adapter has no tensors"]);
  });

  test("for an architecture whose weights change during conversion", async () => {
    const path = newFolder();
    writePeftFolder(path, peftConfig(), tensors);
    const open = adapterOpener(modelPath({ architecture: "bert" }));
    const [code, message] = (await faultOf(converted(path, open))) ?? [];
    expect([code, message.slice(0, 63)]).toEqual([
      "adapter_unsupported",
      "PEFT folders are supported for llama, granite, qwen2, qwen3, ge",
    ]);
  });

  test("if a file is missing, or the matrices are a pickle", async () => {
    const path = newFolder();
    expect((await faultOf(converted(path)))?.[0]).toBe("adapter_not_found");
    mkdirSync(path);
    expect((await faultOf(converted(path)))?.[0]).toBe("adapter_not_found");
    writeFileSync(join(path, "adapter_config.json"), JSON.stringify(peftConfig()));
    expect((await faultOf(converted(path)))?.[0]).toBe("adapter_not_found");
    writeFileSync(join(path, "adapter_model.bin"), "");
    expect(await faultOf(converted(path))).toEqual([
      "adapter_unsupported",
      "adapter_model.bin is a pickle; save the adapter as safetensors",
    ]);
    writeFileSync(join(path, "adapter_config.json"), "{");
    expect((await faultOf(converted(path)))?.[0]).toBe("adapter_config");
    expect((await faultOf(openLlama("/dev/zero")))?.[0]).toBe("adapter_format");
  });

  const entry = { dtype: "F32", shape: [2], data_offsets: [0, 8] };
  const data = new Uint8Array(16);
  const file = (header: unknown) => safetensorsOf(JSON.stringify(header), data);

  test.each<[string, Uint8Array, string, string]>([
    ["no header", new Uint8Array(4), "adapter_truncated", "it has no header"],
    [
      "a header larger than the file",
      Buffer.from([100, 0, 0, 0, 0, 0, 0, 0]),
      "adapter_truncated",
      "its header is larger than the file",
    ],
    [
      "a huge header",
      Buffer.from([0, 0, 0, 0, 0, 0, 0, 1]),
      "adapter_format",
      "its header has 72057594037927936 bytes",
    ],
    ["no JSON", safetensorsOf("{", data), "adapter_format", "its header is not JSON"],
    ["a list", file([]), "adapter_format", "its header is not a JSON object"],
    ["no entry", file({ a: 5 }), "adapter_format", "tensor a has an invalid entry"],
    ["no offsets", file({ a: { dtype: "F32", shape: [2] } }), "adapter_format", "invalid entry"],
    ["a negative size", file({ a: { ...entry, shape: [-2] } }), "adapter_format", "invalid entry"],
    ["an unknown type", file({ a: { ...entry, dtype: "I8" } }), "adapter_unsupported", "type I8"],
    [
      "a type of objects",
      file({ a: { ...entry, dtype: "toString" } }),
      "adapter_unsupported",
      "F32",
    ],
    ["a different size", file({ a: { ...entry, shape: [3] } }), "adapter_format", "needs 12 bytes"],
    [
      "overlapping tensors",
      file({ a: entry, b: { ...entry, data_offsets: [4, 12] } }),
      "adapter_format",
      "tensor b overlaps another tensor",
    ],
    [
      "a tensor after its end",
      file({ a: { ...entry, data_offsets: [12, 20] } }),
      "adapter_truncated",
      "tensor a extends past the end of the file",
    ],
  ])("if adapter_model.safetensors has %s", async (_, bytes, code, message) => {
    const path = newFolder();
    writePeftFolder(path, peftConfig(), []);
    writeFileSync(join(path, "adapter_model.safetensors"), bytes);
    expect(await faultOf(converted(path))).toEqual([code, expect.stringContaining(message)]);
  });

  test("or converted if any byte of its header is changed, and nothing else happens", async () => {
    const path = newFolder();
    writePeftFolder(path, peftConfig(), []);
    const whole = encodeSafetensors(tensors.slice(0, 2));
    const headerEnd = whole.length - tensors.slice(0, 2).reduce((n, t) => n + t.data.length, 0);
    await fc.assert(
      fc.asyncProperty(
        fc.nat(headerEnd - 1),
        fc.nat(255),
        fc.nat(whole.length),
        async (at, byte, length) => {
          const changed = Uint8Array.from(whole);
          changed[at] = byte;
          writeFileSync(join(path, "adapter_model.safetensors"), changed.subarray(0, length));
          const fault = await faultOf(converted(path));
          if (fault !== null) expect(fault[0]).toStartWith("adapter_");
        },
      ),
      { numRuns: 300 },
    );
  });
});
