// Hash of a full block to its id: open addressing with linear probing over one Int32Array. Keys are
// not stored here but read from the pool's hash array, so a slot costs four bytes. Several blocks may
// hold the same hash; the index knows the first one only.

import { assert } from "../assert.ts";
import { HASH_BYTES } from "./block-hash.ts";

const EMPTY = -1;

export class BlockHashIndex {
  /** [numBlocks * 32] uint8, the pool's. */
  readonly #hashes: Uint8Array;
  readonly #words: DataView;
  readonly #slots: Int32Array;
  #size = 0;

  constructor(hashes: Uint8Array) {
    this.#hashes = hashes;
    this.#words = new DataView(hashes.buffer, hashes.byteOffset, hashes.byteLength);
    const numBlocks = hashes.length / HASH_BYTES;
    this.#slots = new Int32Array(Math.ceil(numBlocks * 1.5) + 1).fill(EMPTY);
  }

  get size(): number {
    return this.#size;
  }

  /** @returns the block id, or null */
  find(hash: Uint8Array): number | null {
    const slots = this.#slots;
    for (let slot = this.#home(wordOf(hash)); ; slot = this.#next(slot)) {
      const blockId = slots[slot] ?? EMPTY;
      if (blockId === EMPTY) return null;
      if (this.#holds(blockId, hash)) return blockId;
    }
  }

  /** Adds a block whose hash is in the pool's array already, unless an equal hash is known. */
  insert(blockId: number): void {
    const hash = this.#hashOf(blockId);
    let slot = this.#home(wordOf(hash));
    for (; this.#slots[slot] !== EMPTY; slot = this.#next(slot)) {
      if (this.#holds(this.#slots[slot] ?? 0, hash)) return;
    }
    this.#slots[slot] = blockId;
    this.#size++;
  }

  /** Removes the block if the index names it; an equal hash of another block stays. */
  remove(blockId: number): void {
    let slot = this.#home(this.#word(blockId));
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

  /** Moves later entries of the probe run back, so that no tombstones are needed. */
  #closeGap(gap: number): void {
    let hole = gap;
    for (let slot = this.#next(hole); ; slot = this.#next(slot)) {
      const blockId = this.#slots[slot] ?? EMPTY;
      if (blockId === EMPTY) break;
      const home = this.#home(this.#word(blockId));
      if (isCyclicallyBetween(hole, home, slot)) continue;
      this.#slots[hole] = blockId;
      hole = slot;
    }
    this.#slots[hole] = EMPTY;
  }

  #home(word: number): number {
    return Math.floor((word / 0x1_0000_0000) * this.#slots.length);
  }

  #next(slot: number): number {
    return slot + 1 === this.#slots.length ? 0 : slot + 1;
  }

  #word(blockId: number): number {
    return this.#words.getUint32(blockId * HASH_BYTES);
  }

  #hashOf(blockId: number): Uint8Array {
    const start = blockId * HASH_BYTES;
    return this.#hashes.subarray(start, start + HASH_BYTES);
  }

  #holds(blockId: number, hash: Uint8Array): boolean {
    const start = blockId * HASH_BYTES;
    for (let i = 0; i < HASH_BYTES; i++) if (this.#hashes[start + i] !== hash[i]) return false;
    return true;
  }
}

function wordOf(hash: Uint8Array): number {
  assert(hash.length === HASH_BYTES, "a block hash has 32 bytes");
  const [a = 0, b = 0, c = 0, d = 0] = hash;
  return ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
}

/** home lies in (hole, slot] on the circle: the entry is still reachable when `hole` becomes empty. */
function isCyclicallyBetween(hole: number, home: number, slot: number): boolean {
  return hole < slot ? hole < home && home <= slot : hole < home || home <= slot;
}
