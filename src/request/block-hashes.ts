// Hashes of a request's full blocks, in order, in a single array that grows by doubling. If each hash were an
// object, many long requests would make hashes the garbage collector's largest load.

import { assert } from "../assert.ts";

/** SHA-256. */
export const HASH_BYTES = 32;

export class BlockHashes {
  /** Hash i is at bytes [32 * i, 32 * i + 32); hashes [0, length) are used. */
  #bytes = new Uint8Array(8 * HASH_BYTES);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** @returns a view that is valid until the next push */
  at(index: number): Uint8Array {
    assert(0 <= index && index < this.#length, () => `no hash of block ${index}`);
    return this.#bytes.subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES);
  }

  push(hash: Uint8Array): void {
    assert(hash.length === HASH_BYTES, "a block hash has 32 bytes");
    this.#append(hash, 1);
  }

  /** Copies the hashes [length, end) of a request with the same prefix. */
  extendFrom(source: BlockHashes, end: number): void {
    assert(end <= source.length, () => `the source has fewer than ${end} hashes`);
    const first = this.#length;
    if (end <= first) return;
    this.#append(source.#bytes.subarray(first * HASH_BYTES, end * HASH_BYTES), end - first);
  }

  #append(bytes: Uint8Array, count: number): void {
    const used = this.#length * HASH_BYTES;
    if (used + bytes.length > this.#bytes.length) {
      const grown = new Uint8Array(2 * (used + bytes.length));
      grown.set(this.#bytes);
      this.#bytes = grown;
    }
    this.#bytes.set(bytes, used);
    this.#length += count;
  }
}
