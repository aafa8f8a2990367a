// BlockHashIndex: lookups, including those of keys that share a slot, and lookups after removals.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { BlockHashIndex } from "../../src/kvcache/block-hash-index.ts";
import { HASH_BYTES } from "../../src/request/block-hashes.ts";

const NUM_BLOCKS = 12;

/** A hash whose first word is `home` and whose last byte is `tag`: equal homes collide. */
function makeHash(home: number, tag: number): Uint8Array {
  const hash = new Uint8Array(HASH_BYTES);
  hash.fill(home, 0, 4);
  hash[HASH_BYTES - 1] = tag;
  return hash;
}

class Fixture {
  readonly hashes = new Uint8Array(NUM_BLOCKS * HASH_BYTES);
  readonly index = new BlockHashIndex(this.hashes);

  insert(blockId: number, hash: Uint8Array): void {
    this.hashes.set(hash, blockId * HASH_BYTES);
    this.index.insert(blockId);
  }
}

describe("BlockHashIndex", () => {
  test("finds no block when it is empty or cleared", () => {
    const fixture = new Fixture();
    expect(fixture.index.find(makeHash(1, 1))).toBeNull();
    fixture.insert(3, makeHash(1, 1));
    expect(fixture.index.find(makeHash(1, 1))).toBe(3);
    fixture.index.clear();
    expect(fixture.index.find(makeHash(1, 1))).toBeNull();
    expect(fixture.index.size).toBe(0);
  });

  test("finds every block of a full table whose hashes all map to the last slot", () => {
    const fixture = new Fixture();
    for (let id = 0; id < NUM_BLOCKS; id++) fixture.insert(id, makeHash(0xff, id));
    expect(fixture.index.size).toBe(NUM_BLOCKS);
    for (let id = 0; id < NUM_BLOCKS; id++) {
      expect(fixture.index.find(makeHash(0xff, id))).toBe(id);
    }
    expect(fixture.index.find(makeHash(0xff, NUM_BLOCKS))).toBeNull();
  });

  test("keeps the first of two blocks with equal hashes; removing the second has no effect", () => {
    const fixture = new Fixture();
    fixture.insert(1, makeHash(7, 7));
    fixture.insert(2, makeHash(7, 7));
    fixture.index.remove(2);
    expect(fixture.index.find(makeHash(7, 7))).toBe(1);
    fixture.index.remove(1);
    expect(fixture.index.find(makeHash(7, 7))).toBeNull();
    expect(fixture.index.size).toBe(0);
  });

  test("agrees with a Map under random inserts and removals of colliding keys", () => {
    const step = fc.record({
      insert: fc.boolean(),
      blockId: fc.integer({ min: 0, max: NUM_BLOCKS - 1 }),
      home: fc.constantFrom(0, 0x14, 0x15, 0xff),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const fixture = new Fixture();
        const homes = new Map<number, number>();
        for (const { insert, blockId, home } of steps) {
          const isKnown = homes.has(blockId);
          if (insert && !isKnown) {
            fixture.insert(blockId, makeHash(home, blockId));
            homes.set(blockId, home);
          } else if (!insert && isKnown) {
            fixture.index.remove(blockId);
            homes.delete(blockId);
          }
          expect(fixture.index.size).toBe(homes.size);
          for (const [id, at] of homes) expect(fixture.index.find(makeHash(at, id))).toBe(id);
        }
      }),
    );
  });

  test("asserts that a hash has 32 bytes", () => {
    expect(() => new Fixture().index.find(new Uint8Array(31))).toThrow("32 bytes");
  });
});
