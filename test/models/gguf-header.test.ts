// Facts in a GGUF header that users see, and files that are not GGUF.

import { afterAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { ConfigError } from "../../src/errors.ts";
import { readGgufHeader } from "../../src/models/gguf-header.ts";
import { modelFacts } from "../../src/models/model-facts.ts";
import { encodeGguf, type GgufValue } from "../support/gguf-writer.ts";
import { Prng } from "../support/prng.ts";
import { removeTempFolders, tempFolder } from "../support/temp-checkout.ts";

const path = join(tempFolder(), "a.gguf");
afterAll(removeTempFolders);

const METADATA: [string, GgufValue][] = [
  ["general.architecture", ["string", "gemma3"]],
  ["general.name", ["string", "Ä name"]],
  ["gemma3.block_count", ["u32", 3]],
  ["gemma3.embedding_length", ["u32", 64]],
  ["gemma3.attention.head_count", ["u32", 4]],
  ["gemma3.attention.head_count_kv", ["i32[]", [1, 2, 4]]],
  ["gemma3.attention.key_length", ["u32", 32]],
  ["tokenizer.ggml.tokens", ["string[]", Array.from({ length: 2000 }, (_, i) => `token ${i}`)]],
  ["tokenizer.ggml.scores", ["f32[]", Array.from({ length: 2000 }, (_, i) => i)]],
  ["tokenizer.chat_template", ["string", "{{ messages }}"]],
];
const TENSORS = [
  { name: "a", shape: [32, 4], type: "Q8_0" as const, values: new Float32Array(128) },
  { name: "b", shape: [4], type: "F32" as const, values: new Float32Array(4) },
];
const BYTES = encodeGguf(new Map(METADATA), TENSORS);

/** Facts in a file with these bytes. */
function factsOf(bytes: Uint8Array) {
  writeFileSync(path, bytes);
  return modelFacts(readGgufHeader(path));
}

describe("the facts in a header", () => {
  test("are read even after a long vocabulary, and per layer if layers differ", () => {
    expect(factsOf(BYTES)).toEqual({
      architecture: "gemma3",
      name: "Ä name",
      quantization: "Q8_0",
      parameters: 132,
      fileBytes: BYTES.length,
      contextLength: null,
      layers: 3,
      embeddingLength: 64,
      heads: 4,
      kvHeads: 4,
      vocabulary: 2000,
      kvBytesPerToken: (1 + 2 + 4) * (32 + 16) * 2,
      slidingWindow: null,
      tokenizer: null,
      license: null,
      chatTemplate: "{{ messages }}",
      tensorTypes: { Q8_0: 1, F32: 1 },
      ggufVersion: 3,
    });
  });

  test("are mostly null if the header contains little", () => {
    const facts = factsOf(encodeGguf(new Map(), []));
    expect(facts).toMatchObject({ architecture: "unknown", layers: null, kvBytesPerToken: null });
  });
});

describe("a file whose header cannot be read", () => {
  test("causes an error no matter where it is truncated", () => {
    const headerBytes = BYTES.length - 128 * 2;
    for (let length = 0; length < headerBytes; length += 1 + Math.floor(length / 8)) {
      expect(() => factsOf(BYTES.subarray(0, length))).toThrow(ConfigError);
    }
  });

  test("causes only a ConfigError, if any, with random bytes", () => {
    const random = new Prng(7);
    for (let round = 0; round < 300; round++) {
      const bytes = BYTES.slice();
      for (let i = 0; i < 4; i++) bytes[random.int(0, 600)] = random.int(0, 255);
      try {
        factsOf(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(ConfigError);
      }
    }
  });

  test("that is a Git LFS pointer causes an error with the command that fetches the model", () => {
    const pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 123\n";
    const message = `${path} is not a GGUF file: it is a Git LFS pointer; run \`git lfs pull\` to fetch the file`;
    expect(() => factsOf(Buffer.from(pointer))).toThrow(message);
  });

  test.each([
    ["none.gguf", "no such file or directory"],
    ["a.gguf/b.gguf", "not a directory"],
    [".", "it is a folder"],
  ])("that cannot be opened (%p) causes an error with the reason", (name, reason) => {
    writeFileSync(path, BYTES);
    const there = join(path, "..", name);
    expect(() => readGgufHeader(there)).toThrow(`cannot open ${there}: ${reason}`);
  });
});
