// All of an engine's KV blocks: their reference counts, their hashes, and the order in which free blocks are reused.
// A struct of arrays in which the block ID is the only handle. At most 48 bytes of metadata per block: hash 32, two
// links 8, reference count 2, index slots 5.6, and one bit.
//
// A block is    used:   refCount > 0
//               cached: refCount = 0, hash kept, in the free queue; can be hit until it is evicted
//               free:   refCount = 0, no hash, in the free queue
// Block 0 is the null block, which is never allocated.

import { assert } from "../assert.ts";
import { HASH_BYTES } from "../request/block-hashes.ts";
import { BlockHashIndex } from "./block-hash-index.ts";
import type { BlockResidency } from "./block-residency.ts";
import { FreeBlockQueue } from "./free-block-queue.ts";

export const NULL_BLOCK = 0;

export class BlockPool {
  readonly numBlocks: number;
  /** uint16 [numBlocks]: number of table entries that refer to each block. */
  readonly #refCounts: Uint16Array;
  /** [numBlocks * 32] uint8: block b's hash is at bytes [32 * b, 32 * b + 32). */
  readonly #hashes: Uint8Array;
  /** One bit per block; 1 = the block's hash is set. */
  readonly #isHashed: Uint8Array;
  readonly #free: FreeBlockQueue;
  readonly #index: BlockHashIndex;
  /** Samples residency; null = nothing is sampled. */
  readonly #residency: BlockResidency | null;

  /** @param numBlocks including the null block, >= 2 */
  constructor(numBlocks: number, residency: BlockResidency | null = null) {
    assert(numBlocks >= 2, "a pool needs the null block and at least one more");
    this.numBlocks = numBlocks;
    this.#refCounts = new Uint16Array(numBlocks);
    this.#hashes = new Uint8Array(numBlocks * HASH_BYTES);
    this.#isHashed = new Uint8Array(Math.ceil(numBlocks / 8));
    this.#free = new FreeBlockQueue(numBlocks);
    this.#index = new BlockHashIndex(this.#hashes);
    this.#residency = residency;
    for (let id = 1; id < numBlocks; id++) this.#free.append(id);
  }

  get numFree(): number {
    return this.#free.size;
  }

  /** Fraction of blocks in use, 0..1, not counting the null block. */
  get usage(): number {
    return 1 - this.#free.size / (this.numBlocks - 1);
  }

  refCount(blockId: number): number {
    return this.#refCounts[blockId] ?? 0;
  }

  /**
   * Takes the block that has been free the longest and drops its hash.
   * @returns the block's ID; null if none is free
   */
  allocate(): number | null {
    if (this.#free.size === 0) return null;
    const blockId = this.#free.shift();
    assert(this.#refCounts[blockId] === 0, () => `free block ${blockId} is referenced`);
    this.dropHash(blockId);
    this.#refCounts[blockId] = 1;
    this.#residency?.allocate(blockId);
    return blockId;
  }

  /** @returns the block with this hash, in use or cached; null if there is none */
  lookup(hash: Uint8Array): number | null {
    return this.#index.find(hash);
  }

  /** Adds a reference to a block found by lookup() and removes the block from the free queue. */
  touch(blockId: number): void {
    if (this.#refCounts[blockId] === 0) this.#free.remove(blockId);
    this.#reference(blockId);
  }

  /** Adds a reference to a block in use, for n > 1. Recorded as an access, like a prefix cache hit. */
  share(blockId: number): void {
    assert(this.refCount(blockId) > 0, () => `block ${blockId} is not in use`);
    this.#reference(blockId);
  }

  /** Drops one reference. Free blocks keep their hash until they are allocated again. */
  free(blockId: number): void {
    const refCount = this.refCount(blockId);
    assert(refCount > 0, () => `block ${blockId} is freed twice`);
    this.#refCounts[blockId] = refCount - 1;
    if (refCount === 1) this.#free.append(blockId);
  }

  /**
   * Sets the hash of a full block in use, once. Identical blocks are not merged, since block tables are append-only.
   */
  setHash(blockId: number, hash: Uint8Array): void {
    assert(this.refCount(blockId) > 0, () => `block ${blockId} is not in use`);
    assert(!this.isHashed(blockId), () => `block ${blockId} has a hash`);
    this.#hashes.set(hash, blockId * HASH_BYTES);
    this.#setHashed(blockId, true);
    this.#index.insert(blockId);
  }

  /** Evicts a block so that its contents can no longer be hit, for example because they were never computed. */
  dropHash(blockId: number): void {
    this.#residency?.evict(blockId);
    if (!this.isHashed(blockId)) return;
    this.#index.remove(blockId);
    this.#setHashed(blockId, false);
  }

  isHashed(blockId: number): boolean {
    return ((this.#isHashed[blockId >> 3] ?? 0) & (1 << (blockId & 7))) !== 0;
  }

  /** Evicts all blocks. @returns false, changing nothing, if any block is in use */
  resetPrefixCache(): boolean {
    if (this.#free.size !== this.numBlocks - 1) return false;
    this.#index.clear();
    this.#isHashed.fill(0);
    this.#residency?.reset();
    return true;
  }

  /** Lists the IDs of free blocks in eviction order, for tests. */
  freeBlockIds(): number[] {
    return [...this.#free];
  }

  /** Asserts that the references, the queue and the index agree. O(numBlocks). */
  checkIntegrity(): void {
    let numFree = 0;
    let numHashed = 0;
    for (let id = 1; id < this.numBlocks; id++) {
      const isFree = this.#free.has(id);
      assert(isFree === (this.#refCounts[id] === 0), () => `block ${id}: queue and count disagree`);
      if (isFree) numFree++;
      if (this.isHashed(id)) numHashed++;
    }
    // The index has fewer entries if there are identical blocks, since it contains only one of them.
    assert(this.#index.size <= numHashed, "the index has blocks without a hash");
    assert(numFree === this.#free.size, "free queue has the wrong length");
    assert(this.#refCounts[NULL_BLOCK] === 0, "the null block is referenced");
  }

  #reference(blockId: number): void {
    assert(this.refCount(blockId) < 0xffff, () => `block ${blockId} has too many references`);
    this.#refCounts[blockId] = this.refCount(blockId) + 1;
    this.#residency?.touch(blockId);
  }

  #setHashed(blockId: number, hashed: boolean): void {
    const bit = 1 << (blockId & 7);
    const byte = this.#isHashed[blockId >> 3] ?? 0;
    this.#isHashed[blockId >> 3] = hashed ? byte | bit : byte & ~bit;
  }
}
