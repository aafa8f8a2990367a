// Keeps blocks free for the future tokens of running requests when another request is admitted. A request admitted
// into the last free blocks would be preempted a few steps later and lose all its computed tokens. The reserve covers
// only the near future, since most requests finish long before their limit.

import type { KvCacheManager } from "../kvcache/kv-cache-manager.ts";
import type { Request } from "../request/request.ts";
import type { AdmissionRule, Candidate } from "./admission-rule.ts";
import { numTokensLeft } from "./finish.ts";

/**
 * Number of tokens that an engine reserves for each request. At twice the load that fits, 14% of all tokens are
 * recomputed, compared with 30% without a reserve. Doubling the reserve would only lower this to 13%, while running
 * fewer requests at a time (`bun run bench scaling S13`).
 */
export const GROWTH_RESERVE_TOKENS = 96;

/** Maximum fraction of the pool to reserve; without this limit, a small pool would stay empty. */
const MAX_SHARE_OF_POOL = 1 / 4;

export interface GrowthReserveLimits {
  /** Number of tokens reserved for each request. */
  readonly growthReserveTokens: number;
  /** Maximum length of a request in tokens, including the prompt. */
  readonly maxModelLen: number;
  readonly blockSize: number;
}

export class GrowthReserve implements AdmissionRule {
  readonly #limits: GrowthReserveLimits;
  readonly #kvCache: KvCacheManager;
  readonly #running: readonly Request[];
  #reservedTokens = 0;

  /** @param running the running requests, a list that grows with each admitted request */
  constructor(limits: GrowthReserveLimits, kvCache: KvCacheManager, running: readonly Request[]) {
    this.#limits = limits;
    this.#kvCache = kvCache;
    this.#running = running;
    for (const request of running) this.#reservedTokens += reservedTokens(request, limits);
  }

  /** Admits any request if none is running, since it then has the whole pool to itself. */
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

/**
 * @returns the number of tokens to reserve for a request, which is less than the full reserve if it is near its limit
 */
export function reservedTokens(
  request: Request,
  { growthReserveTokens, maxModelLen }: Omit<GrowthReserveLimits, "blockSize">,
): number {
  return Math.min(growthReserveTokens, numTokensLeft(request, maxModelLen));
}
