// Manages the block tables of all requests: prefix hits, new slots, copy on write, sharing for n > 1, and release.
//
//   | hit or shared blocks | own full blocks | own partial block |  new blocks of this step |
//   0                                                ^ numComputedTokens                     ^ + numNewTokens
//
// A block is hashed only if it has been computed or will be by the step being planned. Draft tokens can follow the
// step's own tokens; a block that contains a draft is not hashed or shared until the draft is accepted.

import { assert } from "../assert.ts";
import type { BlockEviction } from "../protocol/stats.ts";
import type { Request } from "../request/request.ts";
import { blockHash, type ExtraKey } from "./block-hash.ts";
import { BlockPool } from "./block-pool.ts";
import type { BlockResidency } from "./block-residency.ts";
import { BlockTable } from "./block-table.ts";
import { DraftCoverage } from "./draft-coverage.ts";

export interface KvCacheConfig {
  /** Number of blocks, including the null block. */
  readonly numBlocks: number;
  readonly blockSize: number;
  readonly enablePrefixCaching: boolean;
  /** The 32-byte parent hash of every first block. */
  readonly rootHash: Uint8Array;
  /** Samples block lifetimes if prefix caching is on; null = off. */
  readonly residency: BlockResidency | null;
}

/** IDs of the source and destination blocks. */
export type BlockCopy = readonly [number, number];

const NO_BLOCKS: readonly number[] = [];
const NO_COPIES: readonly BlockCopy[] = [];
const NO_EVICTIONS: readonly BlockEviction[] = [];

export class KvCacheManager {
  readonly pool: BlockPool;
  readonly draftCoverage: DraftCoverage;
  readonly #config: KvCacheConfig;
  /** Also null if prefix caching is off, since blocks that cannot be hit are not evicted. */
  readonly #residency: BlockResidency | null;
  readonly #tables = new Map<Request, BlockTable>();

  constructor(config: KvCacheConfig) {
    this.#config = config;
    this.#residency = config.enablePrefixCaching ? config.residency : null;
    this.pool = new BlockPool(config.numBlocks, this.#residency);
    this.draftCoverage = new DraftCoverage(config.numBlocks, config.blockSize);
  }

  /** Maximum number of tokens in a single request. */
  get capacityTokens(): number {
    return (this.#config.numBlocks - 1) * this.#config.blockSize;
  }

  /** @returns true if a request looks up cached prefixes and therefore counts as a query */
  readsCache(request: Request): boolean {
    return this.#config.enablePrefixCaching && request.samplingParams.promptLogprobs === null;
  }

  /**
   * Finds the longest run of full blocks that hold the request's first tokens. Always leaves at least one token to
   * compute, since its logits are needed. Takes no references and does not change the pool.
   */
  cachedBlocks(request: Request): readonly number[] {
    if (!this.readsCache(request)) return NO_BLOCKS;
    const limit = Math.floor((request.numTokens - 1) / this.#config.blockSize);
    this.#extendHashes(request, limit);
    const found: number[] = [];
    for (let i = 0; i < limit; i++) {
      const blockId = this.pool.lookup(request.blockHashes.at(i));
      if (blockId === null) break;
      found.push(blockId);
    }
    return found;
  }

  /**
   * Allocates slots for positions [numComputedTokens, + numNewTokens) of a request.
   * @param cached blocks from cachedBlocks(), for a request without a table; they become its first entries
   * @returns block copies to run before the step; null, changing nothing, if there are not enough blocks
   */
  allocateSlots(
    request: Request,
    numComputedTokens: number,
    numNewTokens: number,
    cached: readonly number[] = NO_BLOCKS,
  ): readonly BlockCopy[] | null {
    const { blockSize } = this.#config;
    const table = this.#tables.get(request) ?? new BlockTable();
    assert(cached.length === 0 || table.length === 0, "prefix hits for a request with blocks");
    const firstWritten = Math.floor(numComputedTokens / blockSize);
    assert(table.length <= firstWritten + 1, () => `${request.requestId}: blocks without tokens`);
    const numNeeded = Math.ceil((numComputedTokens + numNewTokens) / blockSize);
    const isShared = firstWritten < table.length && this.pool.refCount(table.at(firstWritten)) > 1;
    const numNew = numNeeded - table.length - cached.length + (isShared ? 1 : 0);
    if (numNew > this.pool.numFree - this.#numFreeOf(cached)) return null;

    if (table.length === 0) this.#tables.set(request, table);
    for (const blockId of cached) {
      this.pool.touch(blockId);
      table.append(blockId);
    }
    table.numHashed += cached.length;
    const copies = isShared ? [this.#copyOnWrite(table, firstWritten)] : NO_COPIES;
    while (table.length < numNeeded) table.append(this.#allocate());
    this.draftCoverage.truncate(table.at(firstWritten), numComputedTokens % blockSize);
    return copies;
  }

  /**
   * Allocates slots for draft tokens after a request's first `numTokens` tokens, which already have slots.
   * @returns the number of draft tokens, at most `numDraftTokens`, that fit in the request's last block and the free
   * blocks
   */
  allocateDraftSlots(request: Request, numTokens: number, numDraftTokens: number): number {
    const { blockSize } = this.#config;
    const table = this.#table(request);
    const numNeeded = Math.ceil((numTokens + numDraftTokens) / blockSize);
    while (table.length < numNeeded && this.pool.numFree > 0) table.append(this.#allocate());
    return Math.min(numDraftTokens, table.length * blockSize - numTokens);
  }

  /** @returns the number of a request's first tokens that the draft model has computed, at most `limit` */
  numDraftedTokens(request: Request, limit: number): number {
    return this.draftCoverage.end(this.#table(request).ids(), limit);
  }

  /** Releases the blocks after the first `numTokens` tokens, last one first, because their drafts were rejected. */
  truncate(request: Request, numTokens: number): void {
    const table = this.#table(request);
    const numKept = Math.ceil(numTokens / this.#config.blockSize);
    while (table.length > numKept) this.pool.free(table.pop());
  }

  /**
   * Checks whether a request of `numTokens` tokens fits and leaves `numReserved` blocks free.
   * @param cached blocks from cachedBlocks() that the request would share
   */
  hasRoom(numTokens: number, cached: readonly number[], numReserved: number): boolean {
    const numOwn = Math.ceil(numTokens / this.#config.blockSize) - cached.length;
    return numOwn + numReserved <= this.pool.numFree - this.#numFreeOf(cached);
  }

  /**
   * @returns the block IDs for positions [0, numTokens), as a view that is valid until the request's next allocation
   */
  blockIds(request: Request, numTokens: number): Int32Array {
    return this.#table(request).ids(Math.ceil(numTokens / this.#config.blockSize));
  }

  /**
   * Hashes the full blocks of the first `numTokens` tokens, which must be known, so that other requests can hit them.
   */
  hashFullBlocks(request: Request, numTokens: number): void {
    if (!this.#config.enablePrefixCaching) return;
    assert(
      numTokens <= request.numTokens,
      () => `${request.requestId}: cannot hash unknown tokens`,
    );
    const table = this.#table(request);
    const numFull = Math.floor(numTokens / this.#config.blockSize);
    if (numFull <= table.numHashed) return;
    this.#extendHashes(request, numFull);
    for (let i = table.numHashed; i < numFull; i++) {
      this.pool.setHash(table.at(i), request.blockHashes.at(i));
    }
    table.numHashed = numFull;
  }

  /**
   * Gives `child` references to the blocks that hold its source's prompt.
   * @returns false, changing nothing, if no block is free, since the first request to write needs a copy
   */
  fork(source: Request, child: Request): boolean {
    assert(!this.#tables.has(child), () => `${child.requestId}: forked twice`);
    if (this.pool.numFree === 0) return false;
    const { blockSize } = this.#config;
    const from = this.#table(source);
    const table = new BlockTable();
    const numBlocks = Math.ceil(child.numPromptTokens / blockSize);
    for (let i = 0; i < numBlocks; i++) {
      this.pool.share(from.at(i));
      table.append(from.at(i));
    }
    const numFull = Math.floor(child.numPromptTokens / blockSize);
    table.numHashed = Math.min(from.numHashed, numFull);
    child.blockHashes.extendFrom(source.blockHashes, Math.min(numFull, source.blockHashes.length));
    this.#tables.set(child, table);
    return true;
  }

  /** Releases all blocks, last one first, so that a chain's tail is evicted before its head. */
  free(request: Request): void {
    const table = this.#tables.get(request);
    if (table === undefined) return;
    this.#tables.delete(request);
    for (let i = table.length - 1; i >= 0; i--) this.pool.free(table.at(i));
  }

  /**
   * Drops the hashes of blocks that a failed step should have computed. Their request must have been freed.
   * @param blockIds the request's block IDs, in order
   * @param firstToken first position that the step should have computed
   */
  dropHashes(blockIds: Int32Array, firstToken: number): void {
    const first = Math.floor(firstToken / this.#config.blockSize);
    for (const blockId of blockIds.subarray(first)) this.pool.dropHash(blockId);
  }

  /** @returns the sampled blocks that have been evicted since the last call */
  takeEvictions(): readonly BlockEviction[] {
    return this.#residency?.take() ?? NO_EVICTIONS;
  }

  /** Asserts that the pool is consistent and that reference counts match table entries. O(numBlocks + entries). */
  checkIntegrity(): void {
    this.pool.checkIntegrity();
    const counts = new Map<number, number>();
    for (const table of this.#tables.values()) {
      for (const id of table.ids()) counts.set(id, (counts.get(id) ?? 0) + 1);
    }
    for (let id = 1; id < this.pool.numBlocks; id++) {
      assert(this.pool.refCount(id) === (counts.get(id) ?? 0), () => `block ${id}: wrong refCount`);
    }
  }

  /** Counts the blocks that a hit would remove from the free queue. */
  #numFreeOf(blockIds: readonly number[]): number {
    let count = 0;
    for (const blockId of blockIds) if (this.pool.refCount(blockId) === 0) count++;
    return count;
  }

  #copyOnWrite(table: BlockTable, index: number): BlockCopy {
    const source = table.at(index);
    const destination = this.#allocate();
    this.draftCoverage.copy(source, destination);
    table.replace(index, destination);
    this.pool.free(source);
    return [source, destination];
  }

  #allocate(): number {
    const blockId = this.pool.allocate();
    assert(blockId !== null, "the pool ran out of blocks despite the check");
    this.draftCoverage.truncate(blockId, 0);
    return blockId;
  }

  #table(request: Request): BlockTable {
    const table = this.#tables.get(request);
    assert(table !== undefined, () => `${request.requestId}: has no blocks`);
    return table;
  }

  #extendHashes(request: Request, numBlocks: number): void {
    const { blockSize, rootHash } = this.#config;
    const hashes = request.blockHashes;
    for (let i = hashes.length; i < numBlocks; i++) {
      const tokens = request.tokenIds(i * blockSize, (i + 1) * blockSize);
      const parent = i === 0 ? rootHash : hashes.at(i - 1);
      hashes.push(blockHash(parent, tokens, extraKeys(request, i, blockSize)));
    }
  }
}

/**
 * Leaves out the adapter for blocks that are entirely before its start, which requests to the base
 * model can share.
 */
function extraKeys(
  { cacheSalt, adapter, adapterStart }: Request,
  blockIndex: number,
  blockSize: number,
): readonly ExtraKey[] {
  assert(adapter === null || adapterStart !== null, "the adapter's start is not known yet");
  const isAdapted = adapter !== null && (blockIndex + 1) * blockSize > (adapterStart ?? 0);
  const isSalted = blockIndex === 0 && cacheSalt !== null;
  return [...(isAdapted ? [adapter.key] : []), ...(isSalted ? [cacheSalt] : [])];
}
