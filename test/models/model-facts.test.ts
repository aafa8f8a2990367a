// Model facts, read from a file's header.

import { describe, expect, test } from "bun:test";
import type { GgufHeader, GgufValue } from "../../src/models/gguf-header.ts";
import { modelFacts } from "../../src/models/model-facts.ts";

const SIZES: Record<string, GgufValue> = {
  "general.architecture": "llama",
  "llama.context_length": 512,
  "llama.block_count": 2,
  "llama.embedding_length": 64,
  "llama.attention.head_count": 4,
  "llama.attention.head_count_kv": 2,
};

function factsWith(changes: Record<string, GgufValue>) {
  const metadata = new Map(Object.entries({ ...SIZES, ...changes }));
  const header: GgufHeader = { version: 3, metadata, tensors: [], fileBytes: 0 };
  return modelFacts(header);
}

describe("K and V bytes per token", () => {
  test("are 2 bytes of f16 for each element of each layer's keys and values", () => {
    expect(factsWith({}).kvBytesPerToken).toBe(2 * (2 * (16 + 16)) * 2);
  });

  test("are summed over layers that differ", () => {
    expect(factsWith({ "llama.attention.head_count_kv": [2, 1] }).kvBytesPerToken).toBe(
      (2 + 1) * (16 + 16) * 2,
    );
  });

  test("are counted for the 512 layers that llama.cpp can load", () => {
    expect(factsWith({ "llama.block_count": 512 }).kvBytesPerToken).toBe(2 * (16 + 16) * 512 * 2);
  });

  test.each([513, 0xffff_ffff, 2n ** 63n])(
    "are unknown for %p layers, which are not added up one by one",
    (layers) => {
      expect(factsWith({ "llama.block_count": layers }).kvBytesPerToken).toBeNull();
    },
  );
});

describe("a number in the header", () => {
  test.each<readonly [GgufValue, number | null]>([
    [512, 512],
    [512n, 512],
    [[1, 8, 3], 8],
    [Number.NaN, null],
    [Number.POSITIVE_INFINITY, null],
    [[1, Number.NaN], null],
    [["1"], null],
    [[], null],
    ["512", null],
    [true, null],
    [{ length: 2000 }, null],
  ])("%p is shown as %p", (value, shown) => {
    expect(factsWith({ "llama.context_length": value }).contextLength).toBe(shown);
  });
});
