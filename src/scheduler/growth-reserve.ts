// Room that an admission leaves to those that run. A request needs blocks for tokens that it has not
// produced yet: one that is admitted into the last free blocks is pushed out again a few steps later, and
// all that was computed for it with it. Reserved is the near future alone, since most requests end long
// before their limit.

import type { Request } from "../request/request.ts";

/**
 * What an engine reserves for each request. Of twice as much as fits, 14 % of all tokens are computed again
 * with it; 30 % without a reserve, and 13 % with twice as much, which runs fewer at a time
 * (`bun run bench scaling S13`).
 */
export const GROWTH_RESERVE_TOKENS = 96;

/** Tokens of `growthReserveTokens` that a request can still produce. */
export function reservedTokens(
  request: Request,
  growthReserveTokens: number,
  maxModelLen: number,
): number {
  const { numTokens, numOutputTokens, samplingParams } = request;
  const left = Math.min(samplingParams.maxTokens - numOutputTokens, maxModelLen - numTokens);
  return Math.min(growthReserveTokens, left);
}
