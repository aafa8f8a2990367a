// KvCacheManager: which blocks a request gets, shares, copies, and returns. Blocks have 4 tokens.

import { describe, expect, test } from "bun:test";
import { blockHash, noneHash } from "../../src/kvcache/block-hash.ts";
import { type KvCacheConfig, KvCacheManager } from "../../src/kvcache/kv-cache-manager.ts";
import type { Request } from "../../src/request/request.ts";
import { makeRequest } from "../support/make-request.ts";
import { makeResidency } from "../support/residency.ts";

function makeKvCache(config: Partial<KvCacheConfig> = {}): KvCacheManager {
  return new KvCacheManager({
    numBlocks: 9,
    blockSize: 4,
    enablePrefixCaching: true,
    rootHash: noneHash("0"),
    residency: null,
    ...config,
  });
}

const hex = (hash: Uint8Array) => Buffer.from(hash).toString("hex");
const hashesOf = ({ blockHashes }: Request) =>
  Array.from({ length: blockHashes.length }, (_, i) => hex(blockHashes.at(i)));

/** Allocates blocks for the whole prompt and hashes them, as for a step that computes the prompt. */
function prefill(kvCache: KvCacheManager, request: Request): number[] {
  const { numTokens } = request;
  const cached = kvCache.cachedBlocks(request);
  const numCached = cached.length * 4;
  expect(kvCache.allocateSlots(request, numCached, numTokens - numCached, cached)).toEqual([]);
  kvCache.hashFullBlocks(request, numTokens);
  return [...kvCache.blockIds(request, numTokens)];
}

describe("allocateSlots", () => {
  test("appends a block only when a position needs one", () => {
    const kvCache = makeKvCache();
    const request = makeRequest("a", 9);
    kvCache.allocateSlots(request, 0, 3);
    expect([...kvCache.blockIds(request, 3)]).toEqual([1]);
    kvCache.allocateSlots(request, 3, 1);
    expect([...kvCache.blockIds(request, 4)]).toEqual([1]);
    kvCache.allocateSlots(request, 4, 5);
    expect([...kvCache.blockIds(request, 9)]).toEqual([1, 2, 3]);
  });

  test("can take the last free block and changes nothing if blocks are missing", () => {
    const kvCache = makeKvCache({ numBlocks: 4 });
    const request = makeRequest("a", 16);
    expect(kvCache.allocateSlots(request, 0, 13)).toBeNull();
    expect(kvCache.pool.freeBlockIds()).toEqual([1, 2, 3]);
    expect(kvCache.allocateSlots(request, 0, 12)).toEqual([]);
    expect(kvCache.pool.usage).toBe(1);
    expect(kvCache.allocateSlots(request, 12, 1)).toBeNull();
    kvCache.checkIntegrity();
  });

  test("does not count free blocks that are hits as available for new tokens", () => {
    const kvCache = makeKvCache({ numBlocks: 4 });
    const first = makeRequest("a", 9);
    expect(prefill(kvCache, first)).toEqual([1, 2, 3]);
    kvCache.free(first);
    const second = makeRequest("b", 16);
    const cached = kvCache.cachedBlocks(second);
    expect(cached).toEqual([1, 2]);
    expect(kvCache.allocateSlots(second, 8, 5, cached)).toBeNull();
    expect(kvCache.pool.freeBlockIds()).toEqual([3, 2, 1]);
    expect(kvCache.allocateSlots(second, 8, 4, cached)).toEqual([]);
    expect([...kvCache.blockIds(second, 12)]).toEqual([1, 2, 3]);
    kvCache.checkIntegrity();
  });
});

describe("slots for draft tokens", () => {
  /** A request with 7 tokens in blocks 1 and 2, so drafts begin in the last slot of block 2. */
  function withTokens(numBlocks: number) {
    const kvCache = makeKvCache({ numBlocks });
    const request = makeRequest("a", 7);
    kvCache.allocateSlots(request, 0, 7);
    return { kvCache, request };
  }

  test.each([
    [0, 9, 0, [1, 2]],
    [1, 9, 1, [1, 2]],
    [2, 9, 2, [1, 2, 3]],
    [6, 9, 6, [1, 2, 3, 4]],
    [6, 4, 5, [1, 2, 3]],
    [6, 3, 1, [1, 2]],
  ])(
    "are limited by free blocks: of %i in a pool of %i blocks, %i fit",
    (numWanted, numBlocks, numFit, blockIds) => {
      const { kvCache, request } = withTokens(numBlocks);
      expect(kvCache.allocateDraftSlots(request, 7, numWanted)).toBe(numFit);
      expect([...kvCache.blockIds(request, 7 + numFit)]).toEqual(blockIds);
      expect(kvCache.pool.numFree).toBe(numBlocks - 1 - blockIds.length);
      kvCache.checkIntegrity();
    },
  );

  test("are not allocated if the last block is full and no other is free", () => {
    const kvCache = makeKvCache({ numBlocks: 3 });
    const request = makeRequest("a", 8);
    kvCache.allocateSlots(request, 0, 8);
    expect(kvCache.allocateDraftSlots(request, 8, 3)).toBe(0);
  });

  test("are returned with their blocks, last block first, except for blocks with accepted tokens", () => {
    const { kvCache, request } = withTokens(6);
    kvCache.allocateDraftSlots(request, 7, 9);
    expect([...kvCache.blockIds(request, 16)]).toEqual([1, 2, 3, 4]);
    kvCache.truncate(request, 9);
    expect([...kvCache.blockIds(request, 9)]).toEqual([1, 2, 3]);
    kvCache.truncate(request, 9);
    kvCache.truncate(request, 7);
    expect(kvCache.pool.freeBlockIds()).toEqual([5, 4, 3]);
    kvCache.checkIntegrity();
  });

  test("are never returned with a hashed block", () => {
    const { kvCache, request } = withTokens(6);
    kvCache.hashFullBlocks(request, 7);
    expect(() => kvCache.truncate(request, 0)).toThrow("is hashed");
  });

  test("are never hashed, since their tokens are unknown", () => {
    const { kvCache, request } = withTokens(6);
    kvCache.allocateDraftSlots(request, 7, 1);
    expect(() => kvCache.hashFullBlocks(request, 8)).toThrow("a: cannot hash unknown tokens");
    expect([1, 2].map((blockId) => kvCache.pool.isHashed(blockId))).toEqual([false, false]);
  });
});

test("a request has room if its own blocks and the reserved blocks are free or shared", () => {
  const kvCache = makeKvCache({ numBlocks: 6 });
  const first = makeRequest("first", 8);
  const shared = prefill(kvCache, first);
  expect(shared).toEqual([1, 2]);
  expect(kvCache.hasRoom(8, [], 1)).toBe(true);
  expect(kvCache.hasRoom(8, [], 2)).toBe(false);
  expect(kvCache.hasRoom(9, [], 1)).toBe(false);
  expect(kvCache.hasRoom(9, shared, 2)).toBe(true);
  kvCache.free(first);
  // The shared blocks are now in the free queue, so using them makes them no longer free.
  expect(kvCache.hasRoom(9, shared, 2)).toBe(true);
  expect(kvCache.hasRoom(9, shared, 3)).toBe(false);
  expect(kvCache.pool.numFree).toBe(5);
});

describe("prefix cache", () => {
  test("finds the longest run of full blocks, never covering the last token", () => {
    const kvCache = makeKvCache();
    expect(prefill(kvCache, makeRequest("a", 10))).toEqual([1, 2, 3]);
    const hits = [3, 4, 5, 8, 9, 12].map((length) =>
      kvCache.cachedBlocks(makeRequest(`b${length}`, length)),
    );
    expect(hits).toEqual([[], [], [1], [1], [1, 2], [1, 2]]);
  });

  test("ends the run at the first block that differs", () => {
    const kvCache = makeKvCache();
    prefill(kvCache, makeRequest("a", 12));
    const other = makeRequest("b", [0, 1, 2, 3, 4, 5, 6, 99, 8, 9, 10, 11, 12]);
    expect(kvCache.cachedBlocks(other)).toEqual([1]);
  });

  test("evicts a freed chain from the tail, so the head can still be hit", () => {
    const kvCache = makeKvCache({ numBlocks: 4 });
    const first = makeRequest("a", 12);
    prefill(kvCache, first);
    kvCache.free(first);
    expect(kvCache.pool.freeBlockIds()).toEqual([3, 2, 1]);
    kvCache.allocateSlots(makeRequest("b", 4, { cacheSalt: "b" }), 0, 4);
    expect(kvCache.cachedBlocks(makeRequest("c", 12))).toEqual([1, 2]);
  });

  test("also hashes output tokens, once their block is full", () => {
    const kvCache = makeKvCache();
    const request = makeRequest("a", 3);
    prefill(kvCache, request);
    request.appendOutputToken(3);
    kvCache.allocateSlots(request, 3, 1);
    kvCache.hashFullBlocks(request, 4);
    expect(kvCache.cachedBlocks(makeRequest("b", 5))).toEqual([1]);
  });

  test("includes a salt in the first block's hash, and in others only through the parent hash", () => {
    const kvCache = makeKvCache();
    const request = makeRequest("a", 8, { cacheSalt: "tenant" });
    prefill(kvCache, request);
    const first = blockHash(noneHash("0"), Int32Array.of(0, 1, 2, 3), ["tenant"]);
    const second = blockHash(first, Int32Array.of(4, 5, 6, 7));
    expect(hashesOf(request)).toEqual([first, second].map(hex));
  });

  const adapter = { name: "my-lora", key: "my-lora", path: "/a" };

  test("includes an adapter in every block's hash, before the salt", () => {
    const kvCache = makeKvCache();
    const request = makeRequest("a", 8, { cacheSalt: "tenant", adapter });
    request.adapterStart = 0;
    prefill(kvCache, request);
    const first = blockHash(noneHash("0"), Int32Array.of(0, 1, 2, 3), ["my-lora", "tenant"]);
    const second = blockHash(first, Int32Array.of(4, 5, 6, 7), ["my-lora"]);
    expect(hashesOf(request)).toEqual([first, second].map(hex));
  });

  test("shares with the base model the blocks that are entirely before an adapter's start", () => {
    const kvCache = makeKvCache();
    prefill(kvCache, makeRequest("base", 16));
    const cachedFrom = (start: number) => {
      const request = makeRequest(`from ${start}`, 16, { adapter });
      request.adapterStart = start;
      return kvCache.cachedBlocks(request).length;
    };
    expect([0, 3, 4, 7, 8, 16, Number.POSITIVE_INFINITY].map(cachedFrom)).toEqual([
      ...[0, 0, 1, 1, 2],
      ...[3, 3],
    ]);
  });

  test("hashes and finds no blocks when it is off", () => {
    const kvCache = makeKvCache({ enablePrefixCaching: false });
    const request = makeRequest("a", 12);
    expect(prefill(kvCache, request)).toEqual([1, 2, 3]);
    expect(hashesOf(request)).toEqual([]);
    expect(kvCache.cachedBlocks(makeRequest("b", 12))).toEqual([]);
    expect(kvCache.readsCache(request)).toBe(false);
  });

  test("does not find blocks whose hashes were dropped, but still finds earlier blocks", () => {
    const kvCache = makeKvCache();
    const request = makeRequest("a", 12);
    prefill(kvCache, request);
    const blockIds = kvCache.blockIds(request, 12);
    kvCache.free(request);
    kvCache.dropHashes(blockIds, 5);
    expect(kvCache.cachedBlocks(makeRequest("b", 12))).toEqual([1]);
    kvCache.checkIntegrity();
  });
});

describe("fork", () => {
  test("shares the prompt's blocks; the first writer to a shared block copies it", () => {
    const kvCache = makeKvCache({ enablePrefixCaching: false });
    const source = makeRequest("a", 6);
    const child = makeRequest("a-1", 6, { forkOf: source });
    prefill(kvCache, source);
    kvCache.fork(source, child);
    kvCache.checkIntegrity();
    expect([kvCache.pool.refCount(1), kvCache.pool.refCount(2)]).toEqual([2, 2]);
    expect(kvCache.allocateSlots(source, 6, 1)).toEqual([[2, 3]]);
    expect(kvCache.allocateSlots(child, 5, 1)).toEqual([]);
    expect([...kvCache.blockIds(source, 7)]).toEqual([1, 3]);
    expect([...kvCache.blockIds(child, 6)]).toEqual([1, 2]);
    kvCache.checkIntegrity();
  });

  test("needs a free block for the copy and changes nothing if there is none", () => {
    const { residency, at } = makeResidency();
    const kvCache = makeKvCache({ numBlocks: 3, residency });
    const source = makeRequest("a", 6);
    const child = makeRequest("a-1", 6, { forkOf: source });
    prefill(kvCache, source);
    at(1, () => expect(kvCache.fork(source, child)).toBe(false));
    expect([kvCache.pool.refCount(1), kvCache.pool.refCount(2)]).toEqual([1, 1]);
    kvCache.checkIntegrity();
    kvCache.free(source);
    kvCache.allocateSlots(makeRequest("b", 8), 0, 8);
    const neverHit = { lifetimeS: 1, idleS: 1, reuseGapsS: [] };
    expect(kvCache.takeEvictions()).toEqual([neverHit, neverHit]);
  });

  test("shares no blocks after the prompt and does not hash shared blocks again", () => {
    const kvCache = makeKvCache();
    const source = makeRequest("a", 8);
    prefill(kvCache, source);
    source.appendOutputToken(8);
    kvCache.allocateSlots(source, 8, 1);
    const child = makeRequest("a-1", 8, { forkOf: source });
    kvCache.fork(source, child);
    expect([...kvCache.blockIds(child, 8)]).toEqual([1, 2]);
    expect(hashesOf(child)).toEqual(hashesOf(source));
    expect(() => kvCache.fork(source, child)).toThrow("a-1: forked twice");
  });

  test("hashes a copied full block separately", () => {
    const kvCache = makeKvCache();
    const source = makeRequest("a", 8);
    const child = makeRequest("a-1", 8, { forkOf: source });
    prefill(kvCache, source);
    kvCache.fork(source, child);
    expect(kvCache.allocateSlots(child, 7, 1)).toEqual([[2, 3]]);
    expect(kvCache.pool.isHashed(3)).toBe(false);
    kvCache.hashFullBlocks(child, 8);
    expect(kvCache.pool.isHashed(3)).toBe(true);
    kvCache.checkIntegrity();
  });
});

describe("residency", () => {
  test("reports a block that was hit and later reallocated", () => {
    const { residency, at } = makeResidency();
    const kvCache = makeKvCache({ numBlocks: 3, residency });
    const first = makeRequest("a", 8);
    at(1, () => prefill(kvCache, first));
    at(2, () => kvCache.free(first));
    const second = makeRequest("b", 5);
    at(4, () => expect(prefill(kvCache, second)).toEqual([1, 2]));
    at(5, () => kvCache.free(second));
    at(8, () => prefill(kvCache, makeRequest("c", 8, { cacheSalt: "c" })));
    expect(kvCache.takeEvictions()).toEqual([
      { lifetimeS: 3, idleS: 3, reuseGapsS: [] },
      { lifetimeS: 4, idleS: 4, reuseGapsS: [] },
      { lifetimeS: 7, idleS: 4, reuseGapsS: [] },
    ]);
    expect(kvCache.takeEvictions()).toEqual([]);
  });

  test("does not count a lookup, or a hit without room for the request, as an access", () => {
    const { residency, at } = makeResidency();
    const kvCache = makeKvCache({ numBlocks: 3, residency });
    const first = makeRequest("a", 8);
    prefill(kvCache, first);
    kvCache.free(first);
    const second = makeRequest("b", 12);
    const cached = at(1, () => kvCache.cachedBlocks(second));
    expect(cached).toEqual([1, 2]);
    expect(kvCache.allocateSlots(second, 8, 4, cached)).toBeNull();
    at(3, () => kvCache.allocateSlots(makeRequest("c", 4), 0, 4));
    expect(kvCache.takeEvictions()).toEqual([{ lifetimeS: 3, idleS: 3, reuseGapsS: [] }]);
  });

  test("reports no evictions without prefix caching", () => {
    const { residency, at } = makeResidency();
    const kvCache = makeKvCache({ numBlocks: 3, enablePrefixCaching: false, residency });
    for (const [nowS, id] of ["a", "b", "c"].entries()) {
      const request = makeRequest(id, 8);
      at(nowS, () => prefill(kvCache, request));
      kvCache.free(request);
    }
    expect(kvCache.takeEvictions()).toEqual([]);
    expect(residency.take()).toEqual([]);
  });

  test("reports no evictions without sampling", () => {
    const kvCache = makeKvCache({ numBlocks: 2, residency: null });
    const request = makeRequest("a", 4);
    prefill(kvCache, request);
    kvCache.free(request);
    prefill(kvCache, makeRequest("b", 4, { cacheSalt: "b" }));
    expect(kvCache.takeEvictions()).toEqual([]);
  });
});

describe("free", () => {
  test("keeps blocks that another request holds", () => {
    const kvCache = makeKvCache();
    const first = makeRequest("a", 9);
    const second = makeRequest("b", 9);
    expect([prefill(kvCache, first), prefill(kvCache, second)]).toEqual([
      [1, 2, 3],
      [1, 2, 4],
    ]);
    kvCache.free(first);
    expect(kvCache.pool.freeBlockIds()).toEqual([5, 6, 7, 8, 3]);
    kvCache.free(second);
    expect(kvCache.pool.freeBlockIds()).toEqual([5, 6, 7, 8, 3, 4, 2, 1]);
    kvCache.checkIntegrity();
  });

  test("does nothing for a request without blocks", () => {
    const kvCache = makeKvCache();
    kvCache.free(makeRequest("a", 4));
    expect(kvCache.pool.numFree).toBe(8);
    expect(() => kvCache.blockIds(makeRequest("b", 4), 4)).toThrow("b: has no blocks");
  });
});

test("capacity excludes only the null block", () => {
  expect(makeKvCache({ numBlocks: 9, blockSize: 4 }).capacityTokens).toBe(32);
});
