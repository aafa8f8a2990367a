// Decides whether a sampled token ends its request, in the same order as vLLM's check_stop: end tokens, stop token
// IDs, length. Stop strings are found later, in the text.

import type { Request } from "../request/request.ts";
import type { FinishedStatus } from "../request/request-status.ts";

export interface Finish {
  readonly status: FinishedStatus;
  /** ID of the stop token that ended the request; null for end tokens and length. */
  readonly stopReason: number | null;
}

const END_TOKEN: Finish = { status: "FINISHED_STOPPED", stopReason: null };
const LENGTH: Finish = { status: "FINISHED_LENGTH_CAPPED", stopReason: null };

/**
 * @param tokenId the request's last token, already appended
 * @param maxModelLen maximum length of a request in tokens, including the prompt
 * @returns null if the request continues
 */
export function finishOf(
  request: Request,
  tokenId: number,
  eosTokenIds: ReadonlySet<number>,
  maxModelLen: number,
): Finish | null {
  const { ignoreEos, stopTokenIds, minTokens } = request.samplingParams;
  if (request.numOutputTokens >= minTokens) {
    if (!ignoreEos && eosTokenIds.has(tokenId)) return END_TOKEN;
    if (stopTokenIds.includes(tokenId)) return { status: "FINISHED_STOPPED", stopReason: tokenId };
  }
  return numTokensLeft(request, maxModelLen) <= 0 ? LENGTH : null;
}

/**
 * @returns the number of tokens that a request can still produce before it reaches its maximum length
 * @param maxModelLen maximum length of a request in tokens, including the prompt
 */
export function numTokensLeft(request: Request, maxModelLen: number): number {
  const { numTokens, numOutputTokens, samplingParams } = request;
  return Math.min(samplingParams.maxTokens - numOutputTokens, maxModelLen - numTokens);
}
