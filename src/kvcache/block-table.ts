// The block IDs of one request, in order: entry i holds positions [i * blockSize, (i + 1) * blockSize).
// Append-only except for copy on write and rejected draft tokens. Grows by doubling; a step that adds no block
// allocates nothing.

import { assert } from "../assert.ts";

export class BlockTable {
  /** The blocks of entries [0, numHashed) have a hash in the pool. */
  numHashed = 0;
  /** Only entries [0, length) are in use. */
  #ids = new Int32Array(8);
  #length = 0;
  /** The view that the last call to ids() returned. */
  #view = this.#ids.subarray(0, 0);

  get length(): number {
    return this.#length;
  }

  at(index: number): number {
    assert(0 <= index && index < this.#length, () => `no block ${index} in the table`);
    return this.#ids[index] ?? 0;
  }

  append(blockId: number): void {
    if (this.#length === this.#ids.length) {
      const grown = new Int32Array(this.#ids.length * 2);
      grown.set(this.#ids);
      this.#ids = grown;
      this.#view = grown.subarray(0, 0);
    }
    this.#ids[this.#length++] = blockId;
  }

  /** Removes the last entry, which must not be hashed. @returns its block ID */
  pop(): number {
    assert(this.#length > this.numHashed, "the last block of the table is hashed");
    return this.#ids[--this.#length] ?? 0;
  }

  /** Replaces an entry for copy on write. That entry and all entries after it no longer count as hashed. */
  replace(index: number, blockId: number): void {
    assert(0 <= index && index < this.#length, () => `no block ${index} in the table`);
    this.#ids[index] = blockId;
    this.numHashed = Math.min(this.numHashed, index);
  }

  /** @returns a view of entries [0, count), valid until the table changes */
  ids(count = this.#length): Int32Array {
    assert(0 <= count && count <= this.#length, () => `fewer than ${count} blocks in the table`);
    if (this.#view.length !== count) this.#view = this.#ids.subarray(0, count);
    return this.#view;
  }
}
