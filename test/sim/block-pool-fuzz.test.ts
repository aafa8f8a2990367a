// Random sequences of calls to the block pool and to a naive one, which must agree after every call.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { blockHash, noneHash } from "../../src/kvcache/block-hash.ts";
import { BlockPool } from "../../src/kvcache/block-pool.ts";
import { NaiveBlockPool } from "../support/naive-block-pool.ts";

const root = noneHash("0");
/** Only a few hashes, so equal blocks are common. */
const HASHES = Array.from({ length: 4 }, (_, i) => blockHash(root, Int32Array.of(i)));
const textOf = (hash: Uint8Array) => Buffer.from(hash).toString("hex");

const CALLS = ["allocate", "hit", "share", "free", "setHash", "dropHash", "reset"] as const;

interface Step {
  readonly call: (typeof CALLS)[number];
  /** Selects one of the blocks in use. */
  readonly block: number;
  /** Index into HASHES. */
  readonly hash: number;
}

class Pair {
  readonly pool: BlockPool;
  readonly naive: NaiveBlockPool;

  constructor(numBlocks: number) {
    this.pool = new BlockPool(numBlocks);
    this.naive = new NaiveBlockPool(numBlocks);
  }

  run(step: Step): void {
    const { call } = step;
    const { pool, naive } = this;
    const hash = HASHES[step.hash] as Uint8Array;
    const used = naive.used;
    const blockId = used[step.block % used.length];
    if (call === "allocate") expect(pool.allocate()).toBe(naive.allocate());
    else if (call === "hit") this.#hit(hash);
    else if (call === "reset") expect(pool.resetPrefixCache()).toBe(naive.reset());
    else if (blockId !== undefined) this.#onUsed(call, blockId, hash);
  }

  check(): void {
    const { pool, naive } = this;
    pool.checkIntegrity();
    expect(pool.freeBlockIds()).toEqual(naive.free);
    naive.refCounts.forEach((count, id) => {
      expect(pool.refCount(id)).toBe(count);
      expect(pool.isHashed(id)).toBe(naive.hashes[id] !== null);
    });
    for (const hash of HASHES) {
      expect(pool.lookup(hash)).toBe(naive.found.get(textOf(hash)) ?? null);
    }
  }

  #hit(hash: Uint8Array): void {
    const blockId = this.pool.lookup(hash);
    if (blockId === null) return;
    this.pool.touch(blockId);
    this.naive.touch(blockId);
  }

  #onUsed(
    call: "share" | "free" | "setHash" | "dropHash",
    blockId: number,
    hash: Uint8Array,
  ): void {
    const { pool, naive } = this;
    if (call === "share") {
      pool.share(blockId);
      naive.touch(blockId);
    } else if (call === "free") {
      pool.free(blockId);
      naive.release(blockId);
    } else if (call === "dropHash") {
      pool.dropHash(blockId);
      naive.dropHash(blockId);
    } else if (!pool.isHashed(blockId)) {
      pool.setHash(blockId, hash);
      naive.setHash(blockId, textOf(hash));
    }
  }
}

const steps = fc.array(
  fc.record({
    // Sets hashes more often than it drops them, so many blocks have one.
    call: fc.constantFrom(...CALLS, "allocate", "setHash", "hit", "free"),
    block: fc.nat(999),
    hash: fc.nat(HASHES.length - 1),
  }),
  { maxLength: 80 },
);

describe("BlockPool compared with a naive pool", () => {
  test("has the same state after every call", () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 9 }), steps, (numBlocks, calls) => {
        const pair = new Pair(numBlocks);
        for (const step of calls) {
          pair.run(step);
          pair.check();
        }
      }),
      { numRuns: 300 },
    );
  });
});
