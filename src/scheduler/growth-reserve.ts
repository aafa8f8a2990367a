// Room that an admission leaves for running requests, which need blocks for tokens that they have not produced
// yet. A request admitted into the last free blocks would be preempted a few steps later, and all its computed
// tokens lost. Only the near future is reserved, since most requests end long before their limit.

import type { KvCacheManager } from "../kvcache/kv-cache-manager.ts";
import type { Request } from "../request/request.ts";
import type { AdmissionRule, Candidate } from "./admission-rule.ts";
import { numTokensLeft } from "./finish.ts";

/**
 * Tokens that an engine reserves for each request. With twice as much load as fits, 14% of all tokens are
 * computed again; 30% without a reserve; 13% with twice the reserve, which runs fewer requests at a time
 * (`bun run bench scaling S13`).
 */
export const GROWTH_RESERVE_TOKENS = 96;

/** Largest share of the pool that is reserved, since a small pool would stay empty otherwise. */
const MAX_SHARE_OF_POOL = 1 / 4;

export interface GrowthReserveLimits {
  /** Tokens reserved for each request. */
  readonly growthReserveTokens: number;
  /** Maximum tokens of a request, including the prompt. */
  readonly maxModelLen: number;
  readonly blockSize: number;
}

export class GrowthReserve implements AdmissionRule {
  readonly #limits: GrowthReserveLimits;
  readonly #kvCache: KvCacheManager;
  readonly #running: readonly Request[];
  #reservedTokens = 0;

  /** @param running grows with each admitted request */
  constructor(limits: GrowthReserveLimits, kvCache: KvCacheManager, running: readonly Request[]) {
    this.#limits = limits;
    this.#kvCache = kvCache;
    this.#running = running;
    for (const request of running) this.#reservedTokens += reservedTokens(request, limits);
  }

  /** Admits any request while none runs: it has the whole pool. */
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

/** @returns tokens of its reserve that a request can still produce */
export function reservedTokens(
  request: Request,
  { growthReserveTokens, maxModelLen }: Omit<GrowthReserveLimits, "blockSize">,
): number {
  return Math.min(growthReserveTokens, numTokensLeft(request, maxModelLen));
}
