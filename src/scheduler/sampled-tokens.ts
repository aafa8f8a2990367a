// Compares a step's result with its plan to find how many draft tokens were rejected and which of the sampled
// tokens the request takes.

import { assert } from "../assert.ts";
import type { PositionLogprobs } from "../request/logprobs.ts";
import { MODEL_DRAFT } from "../request/model-draft.ts";
import type { ScheduledRequest } from "./scheduler-output.ts";

/**
 * Counts the draft tokens of an entry that the model rejected. Later tokens overwrite their K/V.
 * @param tokenIds sampled tokens
 */
export function numRejectedTokens(entry: ScheduledRequest, tokenIds: readonly number[]): number {
  const numRows = entry.output === "tokens" ? entry.numDraftTokens + 1 : 0;
  // A single row without drafts needs no check.
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
  const agrees = accepted.every(
    (tokenId, i) => draftTokenIds[i] === tokenId || draftTokenIds[i] === MODEL_DRAFT,
  );
  assert(agrees, () => `${requestId}: sampled past a rejected draft`);
}

/** @returns the log-probability of a token that has no alternative */
export function certain(tokenId: number): PositionLogprobs {
  return { chosen: { tokenId, logprob: 0, rank: 1 }, top: [] };
}

/** @returns the first `count` items, without copying if that is all of them */
export function firstOf<T>(items: readonly T[], count: number): readonly T[] {
  return count === items.length ? items : items.slice(0, count);
}
