// What a step gave a request, against what was planned: how many draft tokens were rejected, and which of the
// sampled tokens the request took.

import { assert } from "../assert.ts";
import type { ScheduledRequest, ScheduledResult } from "./scheduler-output.ts";

/**
 * Draft tokens of an entry that the model would not have said: its tokens so far, or those that are sampled
 * next, overwrite their K/V.
 * @param tokenIds what was sampled
 */
export function numRejectedTokens(entry: ScheduledRequest, tokenIds: readonly number[]): number {
  const { request, output, numDraftTokens } = entry;
  const numRows = output === "tokens" ? numDraftTokens + 1 : 0;
  assert(tokenIds.length > 0 || numRows === 0, `${request.requestId}: no token was sampled`);
  assert(tokenIds.length <= numRows, `${request.requestId}: more tokens than rows`);
  for (let i = 0; i < tokenIds.length - 1; i++) {
    const isAccepted = tokenIds[i] === request.draftTokenIds[i];
    assert(isAccepted, `${request.requestId}: sampled on behind a rejected draft`);
  }
  return numRows - tokenIds.length;
}

/** The first `count` tokens, with what belongs to each. */
export function firstTokens(
  { tokenIds, logprobs }: Pick<ScheduledResult, "tokenIds" | "logprobs">,
  count: number,
): Pick<ScheduledResult, "tokenIds" | "logprobs"> {
  if (count === tokenIds.length) return { tokenIds, logprobs };
  return { tokenIds: tokenIds.slice(0, count), logprobs: logprobs?.slice(0, count) ?? null };
}
