// Free blocks in eviction order: a doubly linked list in two Int32Arrays, so that a prefix hit removes a block
// from the middle in O(1). The front is evicted first, as in vLLM's FreeKVCacheBlockQueue.

import { assert } from "../assert.ts";

const NONE = -1;

export class FreeBlockQueue {
  /**
   * [numBlocks + 1] int32 each; index numBlocks is the sentinel, whose links are the two ends. For a block
   * outside the queue, #next is NONE and #previous is meaningless.
   */
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  readonly #sentinel: number;
  #size = 0;

  /** Creates an empty queue for IDs [0, numBlocks). */
  constructor(numBlocks: number) {
    this.#sentinel = numBlocks;
    this.#next = new Int32Array(numBlocks + 1).fill(NONE);
    this.#previous = new Int32Array(numBlocks + 1);
    this.#next[numBlocks] = numBlocks;
    this.#previous[numBlocks] = numBlocks;
  }

  get size(): number {
    return this.#size;
  }

  has(blockId: number): boolean {
    return this.#next[blockId] !== NONE;
  }

  /** Appends a block, which becomes the last one to be evicted. */
  append(blockId: number): void {
    assert(!this.has(blockId), () => `block ${blockId} is already free`);
    const last = this.#previous[this.#sentinel] ?? NONE;
    this.#next[last] = blockId;
    this.#previous[blockId] = last;
    this.#next[blockId] = this.#sentinel;
    this.#previous[this.#sentinel] = blockId;
    this.#size++;
  }

  remove(blockId: number): void {
    assert(this.has(blockId), () => `block ${blockId} is not free`);
    const next = this.#next[blockId] ?? NONE;
    const previous = this.#previous[blockId] ?? NONE;
    this.#next[previous] = next;
    this.#previous[next] = previous;
    this.#next[blockId] = NONE;
    this.#size--;
  }

  /** Removes the block at the front. The queue must not be empty. @returns the block's ID */
  shift(): number {
    assert(this.#size > 0, "no free block");
    const first = this.#next[this.#sentinel] ?? NONE;
    this.remove(first);
    return first;
  }

  /** Iterates over the IDs from the front, for checks and tests. */
  *[Symbol.iterator](): Generator<number> {
    let id = this.#next[this.#sentinel] ?? NONE;
    while (id !== this.#sentinel) {
      yield id;
      id = this.#next[id] ?? NONE;
    }
  }
}
