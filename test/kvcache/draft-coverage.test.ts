// Extent of the draft model's K and V, block by block. Blocks have 4 tokens.

import { describe, expect, test } from "bun:test";
import { DraftCoverage } from "../../src/kvcache/draft-coverage.ts";

const BLOCKS = Int32Array.of(3, 5, 2);

function covered(end: number): DraftCoverage {
  const coverage = new DraftCoverage(8, 4);
  coverage.extend(BLOCKS, 0, end);
  return coverage;
}

describe("the draft model's K and V", () => {
  test("are empty at first", () => {
    expect(new DraftCoverage(8, 4).end(BLOCKS, 12)).toBe(0);
    expect(covered(0).end(BLOCKS, 12)).toBe(0);
  });

  test("end where the last pass ended, or at the limit", () => {
    expect(covered(6).end(BLOCKS, 12)).toBe(6);
    expect(covered(12).end(BLOCKS, 12)).toBe(12);
    expect(covered(12).end(BLOCKS, 7)).toBe(7);
  });

  test("can end earlier after a pass with rejected drafts", () => {
    const coverage = covered(7);
    coverage.extend(BLOCKS, 6, 6);
    expect(coverage.end(BLOCKS, 12)).toBe(6);
  });

  test("end at the first block whose content changes", () => {
    const coverage = covered(12);
    coverage.truncate(5, 0);
    expect(coverage.end(BLOCKS, 12)).toBe(4);
  });

  test("keep the slots before a truncation", () => {
    const coverage = covered(12);
    coverage.truncate(2, 1);
    expect(coverage.end(BLOCKS, 12)).toBe(9);
    coverage.truncate(2, 3);
    expect(coverage.end(BLOCKS, 12)).toBe(9);
  });

  test("are copied with a block", () => {
    const coverage = covered(6);
    coverage.copy(5, 7);
    expect(coverage.end(Int32Array.of(3, 7), 8)).toBe(6);
  });
});
