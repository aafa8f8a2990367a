// Plans what the draft model computes in a step: known tokens that it has not computed yet, so that its predictions
// follow all known tokens. A request that is far behind catches up over several steps before it gets drafts.

import type { KvCacheManager } from "../kvcache/kv-cache-manager.ts";
import { MODEL_DRAFT } from "../request/model-draft.ts";
import type { Request } from "../request/request.ts";
import type { PositionRange, ScheduledRequest, StepPlan, StepResult } from "./scheduler-output.ts";

/** Maximum number of tokens per step to catch up on. More would delay the step's other requests. */
const MAX_CATCH_UP = 256;

export class ModelDrafts {
  readonly #kvCache: KvCacheManager;
  /** Maximum number of tokens in a pass of the draft model. */
  readonly #maxTokens: number;
  #room = 0;
  #hasFailed = false;

  constructor(kvCache: KvCacheManager, maxTokens: number) {
    this.#kvCache = kvCache;
    this.#maxTokens = maxTokens;
  }

  /** Begins a step. Each request can have one known token in the draft model's first pass. */
  startStep(numRequests: number): void {
    this.#room = Math.max(0, Math.min(MAX_CATCH_UP, this.#maxTokens - numRequests));
  }

  /** @returns true if the draft model may predict tokens after an entry, which must only decode */
  canFollow({ numScheduledTokens }: ScheduledRequest): boolean {
    return numScheduledTokens === 1 && !this.#hasFailed;
  }

  /** @returns positions that the draft model must compute before an entry's tokens, or as many as there is room for */
  catchUp({ request, numComputedTokens }: ScheduledRequest): PositionRange {
    const start = this.#kvCache.numDraftedTokens(request, numComputedTokens);
    const end = Math.min(numComputedTokens, start + this.#room);
    this.#room -= end - start;
    return { start, end };
  }

  /** Must be called before tokens are appended to the requests. */
  learn({ scheduled }: StepPlan, { results, draftFault }: StepResult): void {
    if (draftFault !== undefined) {
      this.#hasFailed = true;
      return;
    }
    scheduled.forEach(({ catchUp, blockIds, numComputedTokens, numDraftTokens }, i) => {
      if (catchUp === undefined) return;
      const numTokens = results[i]?.tokenIds.length ?? 0;
      // The last draft is predicted, but not computed.
      const end = numComputedTokens + Math.min(numDraftTokens, numTokens);
      this.#kvCache.draftCoverage.extend(
        blockIds,
        catchUp.start,
        numDraftTokens > 0 ? end : catchUp.end,
      );
    });
  }
}

export const isModelDraft = ({ draftTokenIds }: Request) => draftTokenIds[0] === MODEL_DRAFT;
