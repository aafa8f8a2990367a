// An index of the n-grams in a growing sequence of tokens. The ends of n-grams with equal hashes are linked, latest
// first, so it takes 8 to 12 bytes per token, and adding a token takes constant time.

import { assert } from "../assert.ts";

const NONE = -1;

/** Maximum number of candidates per look-up, latest first, which limits the time in repetitive text. */
const MAX_CANDIDATES = 64;

export class NgramIndex {
  readonly #n: number;
  /** Latest end of an n-gram for each hash; the length is a power of two. */
  #heads = new Int32Array(64).fill(NONE);
  /** For each end of an n-gram, the next earlier end with the same hash. */
  #earlier = new Int32Array(64);
  /** N-grams that end at [n, #length] are indexed. */
  #length = 0;

  /** @param n number of tokens in an n-gram, at least 1 */
  constructor(n: number) {
    assert(n >= 1, "an n-gram needs a token");
    this.#n = n;
  }

  /** Indexes the n-grams that end at or before `length` and are not indexed yet. */
  extend(tokenIds: Int32Array, length: number): void {
    if (length >= this.#earlier.length) this.#grow(tokenIds, length);
    for (let end = Math.max(this.#length + 1, this.#n); end <= length; end++) {
      this.#link(tokenIds, end);
    }
    this.#length = Math.max(this.#length, length);
  }

  /**
   * Lists the latest indexed n-grams that might match the one before `end`, latest first.
   * @param tokenIds tokens that contain the n-gram to look up, which need not be the indexed ones
   * @param visit receives the end of a candidate, whose tokens can differ
   */
  candidates(tokenIds: Int32Array, end: number, visit: (end: number) => void): void {
    if (end < this.#n) return;
    let candidate = this.#heads[this.#slot(tokenIds, end)] ?? NONE;
    for (let i = 0; i < MAX_CANDIDATES && candidate !== NONE; i++) {
      visit(candidate);
      candidate = this.#earlier[candidate] ?? NONE;
    }
  }

  #link(tokenIds: Int32Array, end: number): void {
    const slot = this.#slot(tokenIds, end);
    this.#earlier[end] = this.#heads[slot] ?? NONE;
    this.#heads[slot] = end;
  }

  /** Hash of the n-gram before `end` (FNV-1a over tokens, with mixed high bits). */
  #slot(tokenIds: Int32Array, end: number): number {
    let hash = 0x811c9dc5;
    for (let i = end - this.#n; i < end; i++) {
      hash = Math.imul(hash ^ (tokenIds[i] ?? 0), 0x01000193);
      hash ^= hash >>> 15;
    }
    return (hash >>> 0) & (this.#heads.length - 1);
  }

  #grow(tokenIds: Int32Array, length: number): void {
    let capacity = this.#earlier.length;
    while (capacity <= length) capacity *= 2;
    this.#earlier = new Int32Array(capacity);
    this.#heads = new Int32Array(capacity).fill(NONE);
    for (let end = this.#n; end <= this.#length; end++) this.#link(tokenIds, end);
  }
}

/** @returns the number of equal tokens before two ends, at most `max` */
export function commonSuffix(
  a: Int32Array,
  aEnd: number,
  b: Int32Array,
  bEnd: number,
  max: number,
): number {
  const limit = Math.min(max, aEnd, bEnd);
  let length = 0;
  while (length < limit && a[aEnd - 1 - length] === b[bEnd - 1 - length]) length++;
  return length;
}
