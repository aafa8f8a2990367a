// Contexts longer than one partition of the attention op (256 tokens). They are split among threads
// and shared among sequences, with bitwise identical results.

import { afterAll, describe, expect, test } from "bun:test";
import type { PositionLogprobs } from "../../src/request/logprobs.ts";
import type { KvCacheType } from "../../src/runner/addon-types.ts";
import type { NativeModelRunner } from "../../src/runner/native-model-runner.ts";
import { CACHES, expectAgreement } from "../support/attention-comparison.ts";
import { type Part, runStep } from "../support/drive.ts";
import { makeRequest } from "../support/make-request.ts";
import { Prng } from "../support/prng.ts";
import type { TinyGgufOptions } from "../support/tiny-gguf.ts";
import { loadTiny, tempFolder } from "../support/tiny-model.ts";

const folder = tempFolder();
afterAll(folder.remove);

const BLOCK_SIZE = 16;
const ROOM = { numBlocks: 440, maxNumSeqs: 64, maxNumBatchedTokens: 1024, maxModelLen: 1024 };

function tokens(seed: number, length: number): number[] {
  const prng = new Prng(seed);
  return Array.from({ length }, () => prng.int(3, 250));
}

/** Ids of `count` blocks starting at `first`, in an order where no neighbors have adjacent ids. */
const scattered = (count: number, first = 1) =>
  Array.from({ length: count }, (_, i) => first + ((i * 7) % count));

async function withModel<T>(
  gguf: TinyGgufOptions,
  options: Parameters<typeof loadTiny>[2],
  use: (runner: NativeModelRunner) => Promise<T>,
): Promise<T> {
  const model = { contextLength: 1024, ...gguf };
  const runner = await loadTiny(folder.path, model, { ...ROOM, ...options });
  try {
    return await use(runner);
  } finally {
    await runner.dispose();
  }
}

/** Logprobs of the prompt's tokens, computed in chunks of the given sizes. */
async function score(
  runner: NativeModelRunner,
  prompt: number[],
  chunks: number[],
  blockSize = BLOCK_SIZE,
): Promise<PositionLogprobs[]> {
  const request = makeRequest("a", prompt, { params: { promptLogprobs: 5 } });
  const blocks = scattered(Math.ceil(1024 / blockSize) + 1);
  const positions: PositionLogprobs[] = [];
  for (const numTokens of chunks) {
    const { results } = await runStep(runner, [{ request, blocks, numTokens }], blockSize);
    positions.push(...(results[0]?.promptLogprobs ?? []));
  }
  return positions;
}

const LENGTH = 700;
/** Single tokens before, at and after the end of a partition; odd row counts. */
const CHUNKS = [255, 1, 1, 1, 37, 217, 1, 1, 186];

const SHAPES: [string, TinyGgufOptions][] = [
  ["grouped queries, head size 64", {}],
  ["head size 80", { headSize: 80 }],
  ["head size 128", { headSize: 128, numHeads: 6 }],
  ["head size 256", { headSize: 256, numHeads: 2, numKvHeads: 1 }],
  ["five query heads per K/V head", { numHeads: 5, numKvHeads: 1 }],
  ["gemma2 (soft-capped scores)", { architecture: "gemma2" }],
  ["gemma3 (sliding window)", { architecture: "gemma3" }],
  ["gemma3 (a window across partitions)", { architecture: "gemma3", slidingWindow: 300 }],
  ["gpt-oss (attention sinks)", { architecture: "gpt-oss" }],
];

/**
 * llama.cpp cannot create a q8_0 cache for head sizes that are not a multiple of 32. In gpt-oss, rounding
 * that routes a token to another expert changes its logprob by more than any limit.
 */
const fitsQ8 = ({ architecture, headSize = 64 }: TinyGgufOptions) =>
  headSize % 32 === 0 && architecture !== "gpt-oss";

describe("paged attention over partitions matches ggml's", () => {
  for (const [ours, theirs, limit] of CACHES) {
    const shapes = SHAPES.filter(([, gguf]) => ours !== "q8_0" || fitsQ8(gguf));
    test.each(shapes)(`%s, ${ours} KV`, async (_name, gguf) => {
      const run = (attentionBackend: "paged" | "ggml", kvCacheType: KvCacheType) =>
        withModel(gguf, { attentionBackend, kvCacheType }, async (runner) => ({
          positions: await score(runner, tokens(1, LENGTH), CHUNKS),
          device: runner.info.device,
        }));
      const paged = await run("paged", ours);
      expect(paged.positions.length).toBe(LENGTH - 1);
      const hasExperts = gguf.architecture === "gpt-oss";
      expectAgreement(paged, await run("ggml", theirs), limit, hasExperts);
    });
  }

  test("for blocks that straddle partitions", async () => {
    const run = (attentionBackend: "paged" | "ggml", blockSize: number) =>
      withModel({}, { attentionBackend, blockSize }, async (runner) => ({
        positions: await score(runner, tokens(1, LENGTH), CHUNKS, blockSize),
        device: runner.info.device,
      }));
    expectAgreement(await run("paged", 48), await run("ggml", 48), 0.05, false);
    expect(await run("paged", 7)).toEqual(await run("paged", 48));
  });
});

describe("results are bitwise identical", () => {
  test.each(SHAPES)("with 1, 2 and 7 threads: %s", async (_name, gguf) => {
    const run = (numThreads: number) =>
      withModel(gguf, { numThreads }, (runner) => score(runner, tokens(2, LENGTH), CHUNKS));
    const one = await run(1);
    expect(await run(2)).toEqual(one);
    expect(await run(7)).toEqual(one);
  });

  const FAMILY: [string, TinyGgufOptions][] = [
    ["plain", {}],
    ["windows", { architecture: "gemma3", slidingWindow: 300 }],
    ["sinks", { architecture: "gpt-oss" }],
  ];
  for (const kvCacheType of ["f16", "bf16", "q8_0"] as const) {
    test.each(FAMILY)(
      `with a shared prefix and with separate copies: %s, ${kvCacheType}`,
      async (_, gguf) => {
        const options = { kvCacheType };
        const shared = await withModel(gguf, options, (runner) => decodeFamily(runner, SHARED));
        const apart = await withModel(gguf, options, (runner) => decodeFamily(runner, APART));
        expect(shared.length).toBe(NUM_STEPS * NUM_SEQS);
        expect(shared).toEqual(apart);
      },
    );
  }

  test("with 1 and 5 threads and a shared prefix", async () => {
    const one = await withModel({}, { numThreads: 1 }, (runner) => decodeFamily(runner, SHARED));
    const five = await withModel({}, { numThreads: 5 }, (runner) => decodeFamily(runner, SHARED));
    expect(one).toEqual(five);
  });
});

/**
 * A prefix of two partitions and some blocks. From a fork within the second partition on, the last
 * four of nine sequences use another prefix's blocks.
 */
const PREFIX_BLOCKS = 36;
const FORK_BLOCK = 17;
const NUM_SEQS = 9;
const NUM_STEPS = 3;
const prefix = scattered(PREFIX_BLOCKS);
const otherPrefix = scattered(PREFIX_BLOCKS, 400);
const ownBlocks = (sequence: number) =>
  Array.from({ length: PREFIX_BLOCKS + 1 }, (_, i) => 40 + sequence * 40 + i).reverse();
const contentOf = (sequence: number) =>
  prefix.map((id, i) => (sequence < 5 || i < FORK_BLOCK ? id : (otherPrefix[i] ?? 0)));

type Layout = (sequence: number) => number[];
/** All share the first partition, and five of nine share the second; the others have copies of it. */
const SHARED: Layout = (sequence) => {
  const numShared = sequence < 5 ? PREFIX_BLOCKS : FORK_BLOCK;
  return [...prefix.slice(0, numShared), ...ownBlocks(sequence).slice(numShared)];
};
const APART: Layout = ownBlocks;

/** Decodes sequences with a common K and V prefix. @returns every sequence's results, step by step */
async function decodeFamily(runner: NativeModelRunner, layout: Layout) {
  const text = tokens(3, PREFIX_BLOCKS * BLOCK_SIZE);
  const other = tokens(4, PREFIX_BLOCKS * BLOCK_SIZE);
  for (const part of [
    { request: makeRequest("prefix", text), blocks: prefix, numTokens: text.length },
    { request: makeRequest("other", other), blocks: otherPrefix, numTokens: other.length },
  ]) {
    await runStep(runner, [part], BLOCK_SIZE);
  }
  const parts = Array.from({ length: NUM_SEQS }, (_, i): Part => {
    const params = { logprobs: 5, maxTokens: 20 };
    const request = makeRequest(`s${i}`, [...text, ...tokens(10 + i, 1)], { params });
    request.numComputedTokens = text.length;
    return { request, blocks: layout(i) };
  });
  for (const [i, { blocks }] of parts.entries()) {
    const copies = contentOf(i).flatMap((from, k) => {
      const to = blocks[k] ?? 0;
      return to === from ? [] : [[from, to] as const];
    });
    const bystander = { request: makeRequest("bystander", [5, 6]), blocks: [ROOM.numBlocks - 1] };
    await runStep(runner, [bystander], BLOCK_SIZE, copies);
  }
  const said: unknown[] = [];
  for (let step = 0; step < NUM_STEPS; step++) {
    const { results } = await runStep(runner, parts, BLOCK_SIZE);
    said.push(...results.map(({ tokenIds, logprobs }) => ({ tokenIds, logprobs })));
  }
  return said;
}
