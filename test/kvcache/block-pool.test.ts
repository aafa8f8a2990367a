// BlockPool: allocation, eviction order, and prefix cache hits.

import { describe, expect, test } from "bun:test";
import { blockHash, noneHash } from "../../src/kvcache/block-hash.ts";
import { BlockPool } from "../../src/kvcache/block-pool.ts";
import { makeResidency } from "../support/residency.ts";

const hashOf = (n: number) => blockHash(noneHash("0"), Int32Array.of(n));

describe("BlockPool", () => {
  test("allocates ids from 1, never the null block, until it is empty", () => {
    const pool = new BlockPool(4);
    expect([pool.allocate(), pool.allocate(), pool.allocate()]).toEqual([1, 2, 3]);
    expect(pool.allocate()).toBeNull();
    expect(pool.usage).toBe(1);
  });

  test("allocates the block that has been free the longest", () => {
    const pool = new BlockPool(4);
    for (let i = 0; i < 3; i++) pool.allocate();
    for (const id of [2, 3, 1]) pool.free(id);
    expect(pool.freeBlockIds()).toEqual([2, 3, 1]);
    expect(pool.allocate()).toBe(2);
  });

  test("keeps a freed block's hash until the block is allocated again", () => {
    const pool = new BlockPool(3);
    pool.setHash(pool.allocate() ?? 0, hashOf(1));
    pool.free(1);
    expect(pool.lookup(hashOf(1))).toBe(1);
    expect([pool.allocate(), pool.allocate()]).toEqual([2, 1]);
    expect(pool.lookup(hashOf(1))).toBeNull();
  });

  test("removes a touched block from the free queue, even from the middle", () => {
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

  test("finds only the first of two blocks with the same hash; the second keeps its hash but is never found", () => {
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

  test("resets the prefix cache only if no block is in use", () => {
    const pool = new BlockPool(3);
    pool.setHash(pool.allocate() ?? 0, hashOf(1));
    expect(pool.resetPrefixCache()).toBe(false);
    expect(pool.lookup(hashOf(1))).toBe(1);
    pool.free(1);
    expect(pool.resetPrefixCache()).toBe(true);
    expect(pool.lookup(hashOf(1))).toBeNull();
  });

  test("ends a block's lifetime when the block is reallocated, not when it is freed", () => {
    const { residency, at } = makeResidency();
    const pool = new BlockPool(2, residency);
    at(1, () => pool.allocate());
    at(2, () => pool.free(1));
    expect(residency.take()).toEqual([]);
    at(5, () => pool.allocate());
    expect(residency.take()).toEqual([{ lifetimeS: 4, idleS: 4, reuseGapsS: [] }]);
  });

  test("counts both hits and shares as accesses to a block", () => {
    const { residency, at } = makeResidency();
    const pool = new BlockPool(2, residency);
    at(0, () => pool.allocate());
    at(1, () => pool.share(1));
    at(3, () => pool.touch(1));
    for (let i = 0; i < 3; i++) pool.free(1);
    at(7, () => pool.touch(1));
    pool.free(1);
    at(8, () => pool.allocate());
    expect(residency.take()).toEqual([{ lifetimeS: 8, idleS: 1, reuseGapsS: [2, 4] }]);
  });

  test("counts a block as evicted when its hash is dropped, and only once", () => {
    const { residency, at } = makeResidency();
    const pool = new BlockPool(2, residency);
    at(0, () => pool.allocate());
    at(2, () => pool.dropHash(1));
    pool.free(1);
    at(9, () => pool.allocate());
    expect(residency.take()).toEqual([{ lifetimeS: 2, idleS: 2, reuseGapsS: [] }]);
  });

  test("does not count a reset of the prefix cache as an eviction", () => {
    const { residency } = makeResidency();
    const pool = new BlockPool(3, residency);
    pool.allocate();
    pool.free(1);
    pool.resetPrefixCache();
    for (let i = 0; i < 2; i++) pool.allocate();
    expect(residency.take()).toEqual([]);
  });

  test("asserts on a double free, on sharing a free block, and on setting a second hash", () => {
    const pool = new BlockPool(3);
    pool.allocate();
    pool.setHash(1, hashOf(1));
    expect(() => pool.setHash(1, hashOf(2))).toThrow("block 1 has a hash");
    pool.free(1);
    expect(() => pool.free(1)).toThrow("block 1 is freed twice");
    expect(() => pool.share(2)).toThrow("block 2 is not in use");
  });
});
