// What a step gave a request, against what was planned: how many draft tokens were rejected, and which of the
// sampled tokens the request took.

import { assert } from "../assert.ts";
import type { ScheduledRequest } from "./scheduler-output.ts";

/**
 * Draft tokens of an entry that the model would not have said: what is sampled next overwrites their K/V.
 * @param tokenIds what was sampled
 */
export function numRejectedTokens(entry: ScheduledRequest, tokenIds: readonly number[]): number {
  const numRows = entry.output === "tokens" ? entry.numDraftTokens + 1 : 0;
  // The usual row without drafts needs no proof, and no text for one.
  if (numRows !== tokenIds.length || numRows > 1) checkSampled(entry, tokenIds, numRows);
  return numRows - tokenIds.length;
}

function checkSampled(
  { request: { requestId, draftTokenIds } }: ScheduledRequest,
  tokenIds: readonly number[],
  numRows: number,
): void {
  assert(tokenIds.length > 0, () => `${requestId}: no token was sampled`);
  assert(tokenIds.length <= numRows, () => `${requestId}: more tokens than rows`);
  const accepted = tokenIds.slice(0, -1);
  const agrees = accepted.every((tokenId, i) => tokenId === draftTokenIds[i]);
  assert(agrees, () => `${requestId}: sampled on behind a rejected draft`);
}

/** The first `count` of `items`; all of them without a copy. */
export function firstOf<T>(items: readonly T[], count: number): readonly T[] {
  return count === items.length ? items : items.slice(0, count);
}
