// The kernel tables: the limit that each figure is compared with, and batches slower than larger batches.

import { describe, expect, test } from "bun:test";
import type { AttentionTime, ChunkTime, ProductTime } from "../../bench/kernels/program.ts";
import {
  attentionRows,
  chunkRows,
  logitRows,
  productRows,
  toothRows,
  worstTooth,
} from "../../bench/kernels/tables.ts";
import { thisCpu } from "../../bench/probe/cpu.ts";
import { bestFloatTops } from "../../bench/probe/probe.ts";

const LIMITS = {
  threads: 1,
  readGbs: 40,
  dotTops: { vnni: 1, avxvnni: 0.4, maddubs: 0.4, plain: 0.1 },
  floatTops: { bf16: 0.4, avx512: 0.2, avx2: 0.1 },
};
const CPU = thisCpu("flags : avx2 fma avx512_vnni");

/** Time of a product with 1 MB of weights. */
const product = (batch: number, seconds: number): ProductTime => ({
  ...{ kind: "product", type: "q4_1", cols: 1000, rows: 1600, batch, seconds },
  ...{ bytes: 1e6, ops: 2 * 1000 * 1600 * batch },
});

describe("productRows", () => {
  test("shows bytes if memory is the tighter limit, and operations otherwise", () => {
    const rows = productRows([product(1, 50e-6), product(64, 400e-6)], LIMITS, CPU);
    expect(rows).toEqual([
      ["type", "cols x rows", "1", "64"],
      ["q4_1", "1000x1600", "20.0 G (50%)", "0.51 T (51%)"],
    ]);
  });

  test("shows a dash for batches that were not measured for a matrix", () => {
    const other = { ...product(512, 1), cols: 64 };
    const [, first, second] = productRows([product(1, 50e-6), other], LIMITS, CPU);
    expect([first?.at(-1), second?.at(-2)]).toEqual(["-", "-"]);
  });
});

describe("worstTooth", () => {
  test("finds the batch that takes the longest relative to a larger one", () => {
    const times = [product(1, 1), product(2, 3), product(3, 2), product(4, 4)];
    expect(worstTooth(times)).toEqual({ batch: 2, ratio: 1.5 });
    expect(toothRows(times)[1]?.at(-1)).toBe("1.50 at 2");
  });

  test("is at most 1 if larger batches always take longer", () => {
    expect(worstTooth([product(2, 2), product(1, 1)]).ratio).toBe(0.5);
  });
});

test("the attention table has a row per cache type and number of sequences, and a column per context length", () => {
  const time = (context: number, sequences: number): AttentionTime => ({
    ...{ kind: "attention", type: "f16", heads: 9, kvHeads: 3, sequences, context },
    ...{ seconds: 1e-3, bytes: context * 1e4 },
  });
  expect(attentionRows([time(1000, 1), time(4000, 1), time(4000, 16)], LIMITS)).toEqual([
    ["K/V", "heads", "sequences", "1000", "4000"],
    ["f16", "9/3", "1", "10.0 G (25%)", "40.0 G (100%)"],
    ["f16", "9/3", "16", "-", "40.0 G (100%)"],
  ]);
});

test("the chunk table has a row per number of tokens, with the share of the CPU's peak throughput", () => {
  const time = (tokens: number, ops: number): ChunkTime => ({
    ...{ kind: "chunk", type: "f16", heads: 9, kvHeads: 3, tokens, context: 512 },
    ...{ seconds: 1e-3, ops },
  });
  const limit = bestFloatTops(LIMITS, thisCpu("flags : avx2 avx512f avx512_bf16"));
  expect(chunkRows([time(16, 1e8), time(512, 3e8)], limit)).toEqual([
    ["K/V", "heads", "tokens", "512"],
    ["f16", "9/3", "16", "0.10 (25%)"],
    ["f16", "9/3", "512", "0.30 (75%)"],
  ]);
  expect(bestFloatTops(LIMITS, thisCpu("flags : avx2 avx512f"))).toBe(0.2);
  expect(bestFloatTops(LIMITS, thisCpu("flags : avx2 fma"))).toBe(0.1);
});

test("the logits table has the time and the bytes per row", () => {
  const time = {
    kind: "row",
    pass: "argmax",
    vocabulary: 1000,
    seconds: 1e-6,
    bytes: 4e3,
  } as const;
  expect(logitRows([time], LIMITS)[1]).toEqual(["1000", "argmax", "1.0", "4.0 G (10%)"]);
});
