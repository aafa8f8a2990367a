// Loading: what the operator learns about a file that cannot be served, and what a good one tells.

import { afterAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { loadAddon } from "../../src/runner/addon.ts";
import type { NativeError } from "../../src/runner/addon-types.ts";
import { NativeModelRunner } from "../../src/runner/native-model-runner.ts";
import { writeTinyGguf } from "../support/tiny-gguf.ts";
import { loadOptions, loadTiny, tempFolder } from "../support/tiny-model.ts";

const folder = tempFolder();
afterAll(folder.remove);
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
  test("a missing file", async () => {
    const error = await failure(at("missing.gguf"));
    expect([error.code, error.message]).toEqual([
      "model_not_found",
      `cannot open ${at("missing.gguf")}`,
    ]);
  });

  test("a file that is no GGUF, empty or of another kind", async () => {
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

  test("a truncated file tells that it is short", async () => {
    writeTinyGguf(at("short.gguf"), { fault: "truncated" });
    const error = await failure(at("short.gguf"));
    expect(error.code).toBe("model_truncated");
    expect(error.message).toContain("download it again");
  });

  test("a header cut in the middle", async () => {
    writeTinyGguf(at("whole.gguf"));
    writeFileSync(at("cut.gguf"), (await Bun.file(at("whole.gguf")).bytes()).subarray(0, 200));
    expect((await failure(at("cut.gguf"))).code).toBe("model_truncated");
  });

  test("an architecture that llama.cpp does not know", async () => {
    writeTinyGguf(at("alien.gguf"), { fault: "unknown-architecture" });
    const error = await failure(at("alien.gguf"));
    expect(error.code).toBe("model_unsupported");
    expect(error.message).toContain("unknown model architecture");
  });

  test("a recurrent model is refused by name", async () => {
    writeTinyGguf(at("recurrent.gguf"), { architecture: "mamba" });
    const error = await failure(at("recurrent.gguf"));
    expect(error.code).toBe("model_unsupported");
    expect(error.message).toContain("recurrent layers");
  });

  test("more KV than there is memory", async () => {
    writeTinyGguf(at("fine.gguf"));
    const error = await failure(at("fine.gguf"), { numBlocks: 100_000_000 });
    expect(error.code).toBe("out_of_memory");
    expect(error.message).toMatch(/\d+ MiB for the KV cache, but only \d+ MiB are free/);
  });

  test("a chat template that does not parse", async () => {
    const error = await failure(at("fine.gguf"), { chatTemplate: "{% if %}" });
    expect(error.code).toBe("template_error");
  });

  test("options out of bounds", async () => {
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

  test("the header alone tells what the memory plan needs", async () => {
    const addon = await loadAddon();
    const header = await addon.readModelHeader(at("fine.gguf"), "f16");
    expect(header).toMatchObject({ architecture: "llama", numLayers: 2, kvBytesPerToken: 1024 });
    const wide = await addon.readModelHeader(at("fine.gguf"), "f32");
    expect(wide.kvBytesPerToken).toBe(2048);
    const narrow = await addon.readModelHeader(at("fine.gguf"), "q8_0");
    expect(narrow.kvBytesPerToken).toBe((1024 / 2 / 32) * 34);
    expect(header.weightBytes).toBeGreaterThan(0);
  });

  test("a loaded model reports its KV pool to the byte, and its progress", async () => {
    const shares: number[] = [];
    const runner = await NativeModelRunner.load(loadOptions(at("fine.gguf")), (share) =>
      shares.push(share),
    );
    expect(runner.memory().kv).toBe(64 * 16 * 1024);
    expect(runner.memory().scratch).toBeGreaterThan(0);
    await Bun.sleep(5);
    expect(shares.at(-1)).toBe(1);
    await runner.dispose();
  });

  test("two models live side by side", async () => {
    const [a, b] = await Promise.all([
      loadTiny(folder.path, { seed: 1 }),
      loadTiny(folder.path, { seed: 2 }),
    ]);
    await a?.dispose();
    expect(b?.info.vocabSize).toBe(b?.tokenizer.vocabSize as number);
    await b?.dispose();
  });
});
