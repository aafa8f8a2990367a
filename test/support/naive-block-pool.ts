// A simple block pool without optimizations, based on linear searches and a map of strings. The fuzz test
// compares the real pool with this one.

import { NULL_BLOCK } from "../../src/kvcache/block-pool.ts";

export class NaiveBlockPool {
  /** Free IDs, in order of eviction. */
  free: number[];
  readonly refCounts: number[];
  /** Hash of each block as text; null = none. */
  readonly hashes: (string | null)[];
  /** Blocks that a lookup can find. */
  readonly found = new Map<string, number>();

  constructor(numBlocks: number) {
    this.refCounts = Array.from({ length: numBlocks }, () => 0);
    this.hashes = Array.from({ length: numBlocks }, () => null);
    this.free = Array.from({ length: numBlocks }, (_, id) => id).filter((id) => id !== NULL_BLOCK);
  }

  get used(): number[] {
    return this.refCounts.flatMap((count, id) => (count > 0 ? [id] : []));
  }

  allocate(): number | null {
    const blockId = this.free.shift();
    if (blockId === undefined) return null;
    this.dropHash(blockId);
    this.refCounts[blockId] = 1;
    return blockId;
  }

  touch(blockId: number): void {
    this.free = this.free.filter((id) => id !== blockId);
    this.refCounts[blockId] = (this.refCounts[blockId] ?? 0) + 1;
  }

  release(blockId: number): void {
    const count = (this.refCounts[blockId] ?? 0) - 1;
    this.refCounts[blockId] = count;
    if (count === 0) this.free.push(blockId);
  }

  setHash(blockId: number, hash: string): void {
    this.hashes[blockId] = hash;
    if (!this.found.has(hash)) this.found.set(hash, blockId);
  }

  dropHash(blockId: number): void {
    const hash = this.hashes[blockId] ?? null;
    this.hashes[blockId] = null;
    if (hash !== null && this.found.get(hash) === blockId) this.found.delete(hash);
  }

  reset(): boolean {
    if (this.used.length > 0) return false;
    this.hashes.fill(null);
    this.found.clear();
    return true;
  }
}
