// Maps a full block's hash to its ID, using open addressing with linear probing in one Int32Array. Keys are
// read from the pool's hash array instead of being stored again, so a slot takes four bytes. Several blocks can
// have the same hash; the index contains only the first one, so identical blocks never lengthen a probe.

import { assert } from "../assert.ts";
import { HASH_BYTES } from "../request/block-hashes.ts";

const EMPTY = -1;
const HASH_WORDS = HASH_BYTES / 4;

/**
 * Slots per block. They take 5.6 bytes per block and are at most 71% full; at that load, a miss probes 6 slots on
 * average.
 */
const SLOTS_PER_BLOCK = 1.4;

export class BlockHashIndex {
  /** [numBlocks * 8] int32: the pool's hashes as words. */
  readonly #words: Int32Array;
  /** [numBlocks * 1.4 + 1] int32 block IDs, -1 = empty; at least one is empty. */
  readonly #slots: Int32Array;
  /** The hash to look up; bytes and words share the same memory. */
  readonly #soughtBytes = new Uint8Array(HASH_BYTES);
  readonly #sought = new Int32Array(this.#soughtBytes.buffer);
  #size = 0;

  /** @param hashes [numBlocks * 32] uint8: the pool's hashes, 4-byte aligned */
  constructor(hashes: Uint8Array) {
    const numBlocks = hashes.length / HASH_BYTES;
    this.#words = new Int32Array(hashes.buffer, hashes.byteOffset, numBlocks * HASH_WORDS);
    this.#slots = new Int32Array(Math.ceil(numBlocks * SLOTS_PER_BLOCK) + 1).fill(EMPTY);
  }

  get size(): number {
    return this.#size;
  }

  /** @returns the block ID; null if the hash is not indexed */
  find(hash: Uint8Array): number | null {
    assert(hash.length === HASH_BYTES, "a block hash has 32 bytes");
    this.#soughtBytes.set(hash);
    for (let slot = this.#home(this.#sought[0] ?? 0); ; slot = this.#next(slot)) {
      const blockId = this.#slots[slot] ?? EMPTY;
      if (blockId === EMPTY) return null;
      if (this.#isSought(blockId)) return blockId;
    }
  }

  /** Adds a block whose hash is already in the pool's array, unless the same hash is already indexed. */
  insert(blockId: number): void {
    let slot = this.#home(this.#firstWord(blockId));
    for (; this.#slots[slot] !== EMPTY; slot = this.#next(slot)) {
      if (this.#areEqual(this.#slots[slot] ?? 0, blockId)) return;
    }
    this.#slots[slot] = blockId;
    this.#size++;
  }

  /** Removes the block if it is indexed. If the same hash is indexed for another block, that entry stays. */
  remove(blockId: number): void {
    let slot = this.#home(this.#firstWord(blockId));
    for (; this.#slots[slot] !== blockId; slot = this.#next(slot)) {
      if (this.#slots[slot] === EMPTY) return;
    }
    this.#size--;
    this.#closeGap(slot);
  }

  clear(): void {
    this.#slots.fill(EMPTY);
    this.#size = 0;
  }

  /** Moves later entries of the probe sequence back so that no tombstones are needed. */
  #closeGap(gap: number): void {
    let hole = gap;
    for (let slot = this.#next(hole); ; slot = this.#next(slot)) {
      const blockId = this.#slots[slot] ?? EMPTY;
      if (blockId === EMPTY) break;
      const home = this.#home(this.#firstWord(blockId));
      if (isCyclicallyBetween(hole, home, slot)) continue;
      this.#slots[hole] = blockId;
      hole = slot;
    }
    this.#slots[hole] = EMPTY;
  }

  /** Scales the hash's first 32 bits to the table size, which is not a power of two. */
  #home(word: number): number {
    return Math.floor(((word >>> 0) / 0x1_0000_0000) * this.#slots.length);
  }

  #next(slot: number): number {
    return slot + 1 === this.#slots.length ? 0 : slot + 1;
  }

  #firstWord(blockId: number): number {
    return this.#words[blockId * HASH_WORDS] ?? 0;
  }

  #isSought(blockId: number): boolean {
    const start = blockId * HASH_WORDS;
    for (let i = 0; i < HASH_WORDS; i++) {
      if (this.#words[start + i] !== this.#sought[i]) return false;
    }
    return true;
  }

  #areEqual(a: number, b: number): boolean {
    const words = this.#words;
    for (let i = 0; i < HASH_WORDS; i++) {
      if (words[a * HASH_WORDS + i] !== words[b * HASH_WORDS + i]) return false;
    }
    return true;
  }
}

/**
 * @returns true if `home` is cyclically in (hole, slot], so that the entry stays reachable when `hole` becomes empty
 */
function isCyclicallyBetween(hole: number, home: number, slot: number): boolean {
  return hole < slot ? hole < home && home <= slot : hole < home || home <= slot;
}
