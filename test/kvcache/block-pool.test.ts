// BlockPool: who gets which block, in which order blocks are evicted, what can be hit.

import { describe, expect, test } from "bun:test";
import { blockHash, noneHash } from "../../src/kvcache/block-hash.ts";
import { BlockPool } from "../../src/kvcache/block-pool.ts";

const hashOf = (n: number) => blockHash(noneHash("0"), Int32Array.of(n));

describe("BlockPool", () => {
  test("hands out ids from 1, never the null block, until it is empty", () => {
    const pool = new BlockPool(4);
    expect([pool.allocate(), pool.allocate(), pool.allocate()]).toEqual([1, 2, 3]);
    expect(pool.allocate()).toBeNull();
    expect(pool.usage).toBe(1);
  });

  test("gives the block away that has been free longest", () => {
    const pool = new BlockPool(4);
    for (let i = 0; i < 3; i++) pool.allocate();
    for (const id of [2, 3, 1]) pool.free(id);
    expect(pool.freeBlockIds()).toEqual([2, 3, 1]);
    expect(pool.allocate()).toBe(2);
  });

  test("keeps a freed block's hash until the block is allocated anew", () => {
    const pool = new BlockPool(3);
    pool.setHash(pool.allocate() ?? 0, hashOf(1));
    pool.free(1);
    expect(pool.lookup(hashOf(1))).toBe(1);
    expect([pool.allocate(), pool.allocate()]).toEqual([2, 1]);
    expect(pool.lookup(hashOf(1))).toBeNull();
  });

  test("a touched block leaves the middle of the free queue", () => {
    const pool = new BlockPool(5);
    pool.setHash(pool.allocate() ?? 0, hashOf(1));
    pool.free(1);
    expect(pool.freeBlockIds()).toEqual([2, 3, 4, 1]);
    pool.touch(1);
    expect(pool.freeBlockIds()).toEqual([2, 3, 4]);
    expect(pool.refCount(1)).toBe(1);
    expect(pool.usage).toBe(0.25);
  });

  test("keeps a shared block when one owner frees it", () => {
    const pool = new BlockPool(3);
    pool.allocate();
    pool.share(1);
    pool.free(1);
    expect(pool.freeBlockIds()).toEqual([2]);
    pool.free(1);
    expect(pool.freeBlockIds()).toEqual([2, 1]);
  });

  test("of two blocks with one hash, only the first is found; the second keeps its own after that", () => {
    const pool = new BlockPool(3);
    for (const id of [1, 2]) {
      expect(pool.allocate()).toBe(id);
      pool.setHash(id, hashOf(9));
    }
    expect(pool.lookup(hashOf(9))).toBe(1);
    pool.free(1);
    pool.allocate();
    pool.checkIntegrity();
    expect(pool.isHashed(2)).toBe(true);
    expect(pool.lookup(hashOf(9))).toBeNull();
  });

  test("resets the prefix cache only when no block is in use", () => {
    const pool = new BlockPool(3);
    pool.setHash(pool.allocate() ?? 0, hashOf(1));
    expect(pool.resetPrefixCache()).toBe(false);
    expect(pool.lookup(hashOf(1))).toBe(1);
    pool.free(1);
    expect(pool.resetPrefixCache()).toBe(true);
    expect(pool.lookup(hashOf(1))).toBeNull();
  });

  test("tells the observer about eviction before allocation", () => {
    const events: string[] = [];
    const pool = new BlockPool(2, {
      onAllocate: (id) => events.push(`allocate ${id}`),
      onTouch: (id) => events.push(`touch ${id}`),
      onEvict: (id) => events.push(`evict ${id}`),
      onReset: () => events.push("reset"),
    });
    pool.setHash(pool.allocate() ?? 0, hashOf(1));
    pool.free(1);
    pool.touch(1);
    pool.free(1);
    pool.resetPrefixCache();
    expect(events).toEqual(["evict 1", "allocate 1", "touch 1", "reset"]);
  });

  test("asserts on a double free, a share of a free block and a second hash", () => {
    const pool = new BlockPool(3);
    pool.allocate();
    pool.setHash(1, hashOf(1));
    expect(() => pool.setHash(1, hashOf(2))).toThrow("block 1 has a hash");
    pool.free(1);
    expect(() => pool.free(1)).toThrow("block 1 is freed twice");
    expect(() => pool.share(2)).toThrow("block 2 is not in use");
  });
});
