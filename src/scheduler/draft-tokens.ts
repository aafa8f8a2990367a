// Adds draft tokens after the last known token of requests that sample. They are scheduled last: they use only what is
// left of the step's budget and free blocks, and no request is preempted for them.

import type { KvCacheManager } from "../kvcache/kv-cache-manager.ts";
import { numTokensLeft } from "./finish.ts";
import type { PlanDraft } from "./plan-draft.ts";
import type { ScheduledRequest } from "./scheduler-output.ts";

export interface RequestLimits {
  /** Maximum number of one request's tokens in a step. */
  readonly maxTokensPerRequest: number;
  /** Maximum length of a request in tokens, including the prompt. */
  readonly maxModelLen: number;
}

export function scheduleDraftTokens(
  draft: PlanDraft,
  kvCache: KvCacheManager,
  limits: RequestLimits,
): void {
  draft.scheduled.forEach((entry, i) => {
    if (entry.request.draftTokenIds.length === 0 || entry.output !== "tokens") return;
    const { request, numComputedTokens, numScheduledTokens } = entry;
    const end = numComputedTokens + numScheduledTokens;
    const numUseful = numUsefulTokens(entry, draft.budget, limits);
    const numDraftTokens = kvCache.allocateDraftSlots(request, end, numUseful);
    draft.replace(i, {
      ...entry,
      numScheduledTokens: numScheduledTokens + numDraftTokens,
      blockIds: kvCache.blockIds(request, end + numDraftTokens),
      numDraftTokens,
    });
  });
}

/** @returns the number of drafts that the limits allow, leaving room for one more token after them */
function numUsefulTokens(
  { request, numScheduledTokens }: ScheduledRequest,
  budget: number,
  { maxTokensPerRequest, maxModelLen }: RequestLimits,
): number {
  const room = Math.min(budget, maxTokensPerRequest - numScheduledTokens);
  const numUseful = Math.min(request.draftTokenIds.length, numTokensLeft(request, maxModelLen) - 1);
  return Math.max(0, Math.min(room, numUseful));
}
