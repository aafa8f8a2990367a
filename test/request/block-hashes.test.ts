// A request's block hashes: order, growth, and sharing with forks.

import { describe, expect, test } from "bun:test";
import { BlockHashes, HASH_BYTES } from "../../src/request/block-hashes.ts";

const hashOf = (value: number) => new Uint8Array(HASH_BYTES).fill(value);
const filled = (count: number) => {
  const hashes = new BlockHashes();
  for (let i = 0; i < count; i++) hashes.push(hashOf(i));
  return hashes;
};
const all = (hashes: BlockHashes) => Array.from({ length: hashes.length }, (_, i) => hashes.at(i));

describe("BlockHashes", () => {
  test("keeps all pushed hashes, including those beyond the initial capacity", () => {
    expect(all(filled(0))).toEqual([]);
    expect(all(filled(40))).toEqual(Array.from({ length: 40 }, (_, i) => hashOf(i)));
  });

  test("a fork copies only the hashes that it lacks", () => {
    const source = filled(20);
    const child = new BlockHashes();
    child.push(hashOf(0));
    child.extendFrom(source, 12);
    expect(all(child)).toEqual(all(filled(12)));
    child.extendFrom(source, 5);
    expect(child.length).toBe(12);
  });

  test("asserts on an index out of bounds, a hash of the wrong length, and a source with fewer hashes", () => {
    expect(() => filled(3).at(3)).toThrow("no hash of block 3");
    expect(() => filled(3).at(-1)).toThrow("no hash of block -1");
    expect(() => filled(0).push(new Uint8Array(16))).toThrow("32 bytes");
    expect(() => filled(0).extendFrom(filled(2), 3)).toThrow("fewer than 3 hashes");
  });
});
