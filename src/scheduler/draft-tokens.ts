// Adds draft tokens after the last known token of requests that sample. They are scheduled last, with leftover budget
// and free blocks, and no request is preempted for them.

import type { KvCacheManager } from "../kvcache/kv-cache-manager.ts";
import { type DraftLimits, DraftPolicy } from "./draft-policy.ts";
import { DraftStats } from "./draft-stats.ts";
import { numTokensLeft } from "./finish.ts";
import { isModelDraft, ModelDrafts } from "./model-drafts.ts";
import type { PlanDraft } from "./plan-draft.ts";
import type { ScheduledRequest, StepPlan, StepResult } from "./scheduler-output.ts";

export interface RequestLimits {
  /** Maximum number of one request's tokens in a step. */
  readonly maxTokensPerRequest: number;
  readonly maxNumBatchedTokens: number;
  /** Maximum length of a request in tokens, including the prompt. */
  readonly maxModelLen: number;
}

export class DraftTokens {
  readonly #kvCache: KvCacheManager;
  readonly #limits: RequestLimits;
  /** Decides how many drafts are worth their time; null = all of them. */
  readonly #policy: DraftPolicy | null;
  readonly #modelDrafts: ModelDrafts;
  readonly #stats = new DraftStats();

  constructor(kvCache: KvCacheManager, limits: RequestLimits, draftLimits: DraftLimits | null) {
    this.#kvCache = kvCache;
    this.#limits = limits;
    this.#policy = draftLimits && new DraftPolicy(draftLimits);
    this.#modelDrafts = new ModelDrafts(kvCache, limits.maxNumBatchedTokens);
  }

  schedule(draft: PlanDraft): void {
    const numDecodes = draft.scheduled.filter(({ output }) => output === "tokens").length;
    const room = this.#policy?.startStep(draft.scheduled.length, numDecodes);
    if (room === null) return;
    this.#modelDrafts.startStep(draft.scheduled.length);
    draft.scheduled.forEach((entry, i) => {
      const { request, output } = entry;
      if (request.draftTokenIds.length === 0 || output !== "tokens") return;
      if (isModelDraft(request) && !this.#modelDrafts.canFollow(entry)) return;
      const numUseful = numUsefulTokens(entry, draft.budget, this.#limits);
      const numWanted = room === undefined ? numUseful : room.take(request, numUseful);
      if (numWanted > 0) draft.replace(i, this.#withDrafts(entry, numWanted));
    });
  }

  /** Adds drafts for which there are slots, unless the draft model must catch up first. */
  #withDrafts(entry: ScheduledRequest, numWanted: number): ScheduledRequest {
    const { request, numComputedTokens, numScheduledTokens } = entry;
    const catchUp = isModelDraft(request) ? this.#modelDrafts.catchUp(entry) : undefined;
    const isBehind = catchUp !== undefined && catchUp.end < numComputedTokens;
    const end = numComputedTokens + numScheduledTokens;
    const numDraftTokens = isBehind ? 0 : this.#kvCache.allocateDraftSlots(request, end, numWanted);
    const computesNothing = numDraftTokens === 0 && catchUp?.start === catchUp?.end;
    return {
      ...entry,
      numScheduledTokens: numScheduledTokens + numDraftTokens,
      blockIds: this.#kvCache.blockIds(request, end + numDraftTokens),
      numDraftTokens,
      ...(catchUp !== undefined && !computesNothing && { catchUp }),
    };
  }

  /** Learns from a step and counts its drafts. Must be called before tokens are appended to the requests. */
  learn(plan: StepPlan, result: StepResult): void {
    this.#policy?.learn(plan, result);
    this.#modelDrafts.learn(plan, result);
    this.#stats.count(plan, result);
  }

  /** @returns the counts since the last call; null if there were no drafts */
  takeStats() {
    return this.#stats.take();
  }
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
