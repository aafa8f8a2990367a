// Room that an admission leaves to those that run. A request needs blocks for tokens that it has not
// produced yet: one that is admitted into the last free blocks is pushed out again a few steps later, and
// all that was computed for it with it. Only the near future is reserved, since most requests end long
// before their limit.

import type { KvCacheManager } from "../kvcache/kv-cache-manager.ts";
import type { Request } from "../request/request.ts";
import type { AdmissionRule, Candidate } from "./admission-rule.ts";
import { numTokensLeft } from "./completion.ts";

/**
 * What an engine reserves for each request. Of twice as much as fits, 14 % of all tokens are computed again
 * with it; 30 % without a reserve, and 13 % with twice as much, which runs fewer at a time
 * (`bun run bench scaling S13`).
 */
export const GROWTH_RESERVE_TOKENS = 96;

/** Most of the pool that is reserved: a small one would stand empty otherwise. */
const MAX_SHARE_OF_POOL = 1 / 4;

export interface GrowthReserveLimits {
  /** Tokens reserved for each request. */
  readonly growthReserveTokens: number;
  /** Most tokens of a request, prompt included. */
  readonly maxModelLen: number;
  readonly blockSize: number;
}

export class GrowthReserve implements AdmissionRule {
  readonly #limits: GrowthReserveLimits;
  readonly #kvCache: KvCacheManager;
  readonly #running: readonly Request[];
  #reservedTokens = 0;

  /** @param running grows by those that are admitted */
  constructor(limits: GrowthReserveLimits, kvCache: KvCacheManager, running: readonly Request[]) {
    this.#limits = limits;
    this.#kvCache = kvCache;
    this.#running = running;
    for (const request of running) this.#reservedTokens += reservedTokens(request, limits);
  }

  /** A request that runs by itself has the whole pool. */
  admits({ request, cached }: Candidate): boolean {
    if (this.#running.length === 0) return true;
    const reserved = this.#reservedTokens + reservedTokens(request, this.#limits);
    return this.#kvCache.hasRoom(request.numTokens, cached, this.#reservedBlocks(reserved));
  }

  admitted({ request }: Candidate): void {
    this.#reservedTokens += reservedTokens(request, this.#limits);
  }

  #reservedBlocks(numTokens: number): number {
    const max = Math.floor(this.#kvCache.pool.numBlocks * MAX_SHARE_OF_POOL);
    return Math.min(Math.ceil(numTokens / this.#limits.blockSize), max);
  }
}

/** Tokens of its reserve that a request can still produce. */
export function reservedTokens(
  request: Request,
  { growthReserveTokens, maxModelLen }: Omit<GrowthReserveLimits, "blockSize">,
): number {
  return Math.min(growthReserveTokens, numTokensLeft(request, maxModelLen));
}
