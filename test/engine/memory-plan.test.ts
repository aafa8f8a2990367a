// Size of the KV cache.

import { describe, expect, test } from "bun:test";
import { planMemory } from "../../src/engine/memory-plan.ts";

describe("planMemory", () => {
  const input = {
    weightBytes: 100,
    kvBytesPerToken: 10,
    trainedContextLength: 1000,
    availableBytes: 1_000_000,
    blockSize: 16,
    maxNumSeqs: 4,
    maxModelLen: null,
    allowLongMaxModelLen: false,
    kvCacheMemoryBytes: null,
    numBlocksOverride: null,
  };

  test("reserves the model's full context for every sequence if memory allows", () => {
    expect(planMemory(input)).toEqual({
      numBlocks: 251,
      maxModelLen: 1000,
      maxNumSeqs: 4,
      kvBytes: 40_160,
    });
  });

  test("takes at most a quarter of free memory and caps the context accordingly", () => {
    expect(planMemory({ ...input, availableBytes: 10_000 })).toEqual({
      numBlocks: 15,
      maxModelLen: 224,
      maxNumSeqs: 4,
      kvBytes: 2400,
    });
  });

  test("uses the configured size or number of blocks", () => {
    expect(planMemory({ ...input, kvCacheMemoryBytes: 16_000 }).numBlocks).toBe(100);
    expect(planMemory({ ...input, numBlocksOverride: 7 })).toMatchObject({
      numBlocks: 7,
      maxModelLen: 96,
    });
  });

  test("runs no more requests at once than there are usable blocks", () => {
    const { maxNumSeqs } = planMemory({ ...input, numBlocksOverride: 2 });
    expect(maxNumSeqs).toBe(1);
    expect(planMemory({ ...input, numBlocksOverride: 5 }).maxNumSeqs).toBe(4);
    expect(planMemory({ ...input, numBlocksOverride: 100 }).maxNumSeqs).toBe(4);
  });

  test("limits the context to the trained length, unless the operator overrides it", () => {
    const most = { ...input, maxModelLen: 1000 };
    expect(planMemory(most).maxModelLen).toBe(1000);
    expect(() => planMemory({ ...most, maxModelLen: 1001 })).toThrow(
      "--max-model-len 1001 exceeds the 1000 tokens that the model was trained on; lower it, or accept worse output with --allow-long-max-model-len",
    );
    const insisted = { ...most, maxModelLen: 1001, allowLongMaxModelLen: true };
    expect(planMemory(insisted).maxModelLen).toBe(1001);
    const untold = { ...most, maxModelLen: 1001, trainedContextLength: 0 };
    expect(planMemory(untold).maxModelLen).toBe(1001);
  });

  test("rejects a context that does not fit, and reports the sizes", () => {
    expect(() => planMemory({ ...input, numBlocksOverride: 7, maxModelLen: 100 })).toThrow(
      "--max-model-len 100 does not fit: the 0 MiB KV cache holds only 96 tokens",
    );
    expect(() => planMemory({ ...input, kvCacheMemoryBytes: 2_000_000 })).toThrow("are free");
    expect(() => planMemory({ ...input, kvCacheMemoryBytes: 100 })).toThrow("too small");
  });
});
