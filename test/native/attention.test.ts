// The paged attention op compared with ggml's flash attention on the same block layout, for every
// supported shape. Block order and other sequences in the batch must not change a result.

import { afterAll, describe, expect, test } from "bun:test";
import type { PositionLogprobs } from "../../src/request/logprobs.ts";
import type { KvCacheType } from "../../src/runner/addon-types.ts";
import type { NativeModelRunner } from "../../src/runner/native-model-runner.ts";
import { CACHES, expectAgreement, largestGap } from "../support/attention-comparison.ts";
import { runStep } from "../support/drive.ts";
import { makeRequest } from "../support/make-request.ts";
import { Prng } from "../support/prng.ts";
import type { TinyGgufOptions } from "../support/tiny-gguf.ts";
import { loadTiny, tempFolder } from "../support/tiny-model.ts";

const folder = tempFolder();
afterAll(folder.remove);

const BLOCK_SIZE = 16;
const LENGTH = 150;
const tokens = (seed: number, length = LENGTH) => {
  const prng = new Prng(seed);
  return Array.from({ length }, () => prng.int(3, 250));
};
const inOrder = Array.from({ length: 12 }, (_, i) => i + 1);
const shuffled = [50, 3, 41, 12, 60, 7, 33, 25, 18, 55, 9, 44];

/** Logprobs of the prompt's tokens, computed in chunks of the given sizes. */
async function score(
  runner: NativeModelRunner,
  prompt: number[],
  blocks: number[],
  chunks: number[] = [prompt.length],
): Promise<PositionLogprobs[]> {
  const request = makeRequest("a", prompt, { params: { promptLogprobs: 5 } });
  const positions: PositionLogprobs[] = [];
  for (const numTokens of chunks) {
    const { results } = await runStep(runner, [{ request, blocks, numTokens }], BLOCK_SIZE);
    positions.push(...(results[0]?.promptLogprobs ?? []));
  }
  return positions;
}

async function withModel<T>(
  gguf: TinyGgufOptions,
  options: Parameters<typeof loadTiny>[2],
  use: (runner: NativeModelRunner) => Promise<T>,
): Promise<T> {
  const runner = await loadTiny(folder.path, gguf, options);
  try {
    return await use(runner);
  } finally {
    await runner.dispose();
  }
}

const SHAPES: [string, TinyGgufOptions][] = [
  ["grouped queries, head size 64", { architecture: "llama", headSize: 64 }],
  ["head size 128", { architecture: "llama", headSize: 128 }],
  ["head size 256", { architecture: "llama", headSize: 256, numHeads: 2, numKvHeads: 1 }],
  ["head size 80", { architecture: "llama", headSize: 80 }],
  ["as many K/V heads as query heads", { architecture: "llama", numHeads: 3, numKvHeads: 3 }],
  ["five query heads per K/V head", { architecture: "llama", numHeads: 5, numKvHeads: 1 }],
  ["qwen3 (normalized q and k)", { architecture: "qwen3" }],
  ["gemma2 (soft-capped scores)", { architecture: "gemma2" }],
  ["gemma3 (sliding window)", { architecture: "gemma3" }],
  ["gpt-oss (attention sinks)", { architecture: "gpt-oss" }],
  ["graniteswitch (an extra layer after the regular ones)", { architecture: "graniteswitch" }],
  ["bloom (ALiBi, applied through the mask)", { architecture: "bloom" }],
];

/** llama.cpp cannot create a q8_0 cache for head sizes that are not a multiple of 32. */
const fitsQ8 = ({ architecture, headSize = 64 }: TinyGgufOptions) =>
  headSize % 32 === 0 && architecture !== "bloom";

describe("paged attention matches ggml's", () => {
  for (const [ours, theirs, limit] of CACHES) {
    const shapes = SHAPES.filter(([, gguf]) => ours !== "q8_0" || fitsQ8(gguf));
    test.each(shapes)(`%s, ${ours} KV`, async (_name, gguf) => {
      const run = (attentionBackend: "paged" | "ggml", kvCacheType: KvCacheType) =>
        withModel(gguf, { attentionBackend, kvCacheType }, async (runner) => ({
          positions: await score(runner, tokens(1), shuffled, [100, 1, 1, 48]),
          device: runner.info.device,
        }));
      const paged = await run("paged", ours);
      expect(paged.positions.length).toBe(LENGTH - 1);
      const hasExperts = gguf.architecture === "gpt-oss";
      expectAgreement(paged, await run("ggml", theirs), limit, hasExperts);
    });
  }
});

describe("results do not depend on", () => {
  test("the order of blocks, down to the last bit", async () => {
    await withModel({}, {}, async (runner) => {
      const ordered = await score(runner, tokens(2), inOrder);
      expect(await score(runner, tokens(2), shuffled)).toEqual(ordered);
    });
  });

  test("other sequences in the batch", async () => {
    await withModel({}, {}, async (runner) => {
      const alone = await score(runner, tokens(3, 40), [1, 2, 3]);
      const params = { promptLogprobs: 5 };
      const parts = [
        { request: makeRequest("x", tokens(4, 50)), blocks: [20, 21, 22, 23] },
        { request: makeRequest("a", tokens(3, 40), { params }), blocks: [30, 31, 32] },
        { request: makeRequest("y", tokens(5, 5)), blocks: [40] },
      ];
      const { results } = await runStep(runner, parts, BLOCK_SIZE);
      expect(largestGap(results[1]?.promptLogprobs ?? [], alone)).toBeLessThan(1e-3);
    });
  });

  test("how the prompt is split into chunks", async () => {
    await withModel({}, {}, async (runner) => {
      const whole = await score(runner, tokens(6), inOrder);
      const chunked = await score(runner, tokens(6), shuffled, [1, 16, 33, 64, 36]);
      expect(largestGap(chunked, whole)).toBeLessThan(1e-3);
    });
  });

  test("whether another sequence computes the prefix in the same step", async () => {
    await withModel({}, {}, async (runner) => {
      const prompt = tokens(7, 40);
      const alone = await score(runner, prompt, [1, 2, 3]);
      const params = { promptLogprobs: 5 };
      const first = makeRequest("a", prompt);
      const second = makeRequest("b", prompt, { params });
      second.numComputedTokens = 32;
      const parts = [
        { request: first, blocks: [10, 11, 12] },
        { request: second, blocks: [10, 11, 13] },
      ];
      const { results } = await runStep(runner, parts, BLOCK_SIZE);
      expect(largestGap(results[1]?.promptLogprobs ?? [], alone.slice(32))).toBeLessThan(1e-3);
    });
  });

  test("whether a block was copied", async () => {
    await withModel({}, {}, async (runner) => {
      const prompt = tokens(8, 40);
      const alone = await score(runner, prompt, [1, 2, 3]);
      const request = makeRequest("a", prompt, { params: { promptLogprobs: 5 } });
      await runStep(runner, [{ request, blocks: [5, 6], numTokens: 20 }], BLOCK_SIZE);
      const parts = [{ request, blocks: [5, 9, 10] }];
      const { results } = await runStep(runner, parts, BLOCK_SIZE, [[6, 9]]);
      expect(largestGap(results[0]?.promptLogprobs ?? [], alone.slice(20))).toBeLessThan(1e-3);
    });
  });
});

test("a NaN in the logits is reported only for its own sequence", async () => {
  await withModel({ nanTokenId: 100 }, {}, async (runner) => {
    const parts = [
      { request: makeRequest("sick", [1, 100, 5]), blocks: [1] },
      { request: makeRequest("well", [1, 50, 5]), blocks: [2] },
    ];
    const { results } = await runStep(runner, parts, BLOCK_SIZE);
    expect(results.map(({ isCorrupted }) => isCorrupted)).toEqual([true, false]);
    expect(results[0]?.tokenIds).toEqual([0]);
  });
});
