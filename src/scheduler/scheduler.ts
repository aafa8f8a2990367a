// Decides what each step computes. There are no separate prefill and decode phases: under a single token budget, a
// request's computed tokens catch up with its known tokens. Running requests come first, followed by waiting requests
// until the budget, sequences or blocks run out. This idea from vLLM V1 covers chunked prefill, prefix hits and
// resumption after preemption. Synchronous and pure: no clock, no I/O, no addon.

import { assert } from "../assert.ts";
import { type BlockCopy, type KvCacheConfig, KvCacheManager } from "../kvcache/kv-cache-manager.ts";
import type { Request } from "../request/request.ts";
import { type FinishedStatus, GRAMMAR_FAILED } from "../request/request-status.ts";
import type { CompiledGrammar } from "../request/sampling-params.ts";
import { type AdapterLimits, AdapterTurns, NO_ADAPTERS } from "./adapter-turns.ts";
import type { AdmissionRule } from "./admission-rule.ts";
import { type AdmissionConfig, admissionRules } from "./admission-rules.ts";
import type { DraftLimits } from "./draft-policy.ts";
import { DraftTokens, type RequestLimits } from "./draft-tokens.ts";
import { finishOf } from "./finish.ts";
import { canFork } from "./forks.ts";
import { PlanDraft } from "./plan-draft.ts";
import { ORDERS, runsBefore } from "./request-queue.ts";
import { certain, firstOf, numRejectedTokens } from "./sampled-tokens.ts";
import type {
  SampledTokens,
  ScheduledRequest,
  ScheduledResult,
  StepPlan,
  StepResult,
} from "./scheduler-output.ts";
import { StepBudget, type TargetInterTokenLatency } from "./step-budget.ts";
import { type PauseMode, type SchedulingPolicy, WaitingRequests } from "./waiting-requests.ts";

export interface SchedulerConfig extends KvCacheConfig, AdmissionConfig {
  readonly maxNumBatchedTokens: number;
  readonly maxNumSeqs: number;
  /** Maximum number of one request's tokens in a step, at least 1; null = limited only by the budget. */
  readonly longPrefillTokenThreshold: number | null;
  /** Limits the duration of steps in which a request decodes; null = no limit. */
  readonly targetInterTokenLatencyMs: TargetInterTokenLatency;
  /** Limits for the adaptive number of drafts; null = all drafts that fit are verified. */
  readonly draftLimits: DraftLimits | null;
  readonly policy: SchedulingPolicy;
  /** Limits on LoRA adapters; absent = adapters are off. */
  readonly adapterLimits?: AdapterLimits;
  readonly eosTokenIds: readonly number[];
}

const NO_PREFIX_STATS = { requests: 0, queries: 0, hits: 0 };

export class Scheduler {
  readonly kvCache: KvCacheManager;
  /** The requests' adapters; the engine's loop carries out their loads. */
  readonly adapters: AdapterTurns;
  readonly #config: SchedulerConfig;
  readonly #eosTokenIds: ReadonlySet<number>;
  readonly #requestLimits: RequestLimits;
  readonly #stepBudget: StepBudget;
  readonly #draftTokens: DraftTokens;
  readonly #waiting: WaitingRequests;
  /** Running requests in order of admission. */
  #running: Request[] = [];
  readonly #finishedRequestIds: string[] = [];
  #prefixCache = { ...NO_PREFIX_STATS };
  #numPreempted = 0;
  #stepId = 0;

  constructor(config: SchedulerConfig) {
    this.kvCache = new KvCacheManager(config);
    assert(config.maxModelLen <= this.kvCache.capacityTokens, "maxModelLen does not fit the pool");
    this.#config = config;
    const { maxNumBatchedTokens, longPrefillTokenThreshold, maxModelLen } = config;
    const maxTokensPerRequest = longPrefillTokenThreshold ?? maxNumBatchedTokens;
    this.#requestLimits = { maxTokensPerRequest, maxNumBatchedTokens, maxModelLen };
    this.#stepBudget = new StepBudget(maxNumBatchedTokens, config.targetInterTokenLatencyMs);
    this.#draftTokens = new DraftTokens(this.kvCache, this.#requestLimits, config.draftLimits);
    this.#eosTokenIds = new Set(config.eosTokenIds);
    this.#waiting = new WaitingRequests(config.policy);
    this.adapters = new AdapterTurns(config.adapterLimits ?? NO_ADAPTERS, ORDERS[config.policy]);
  }

  /** True if schedule() has anything to plan. */
  get hasWork(): boolean {
    if (this.#waiting.paused === "hold") return false;
    return this.#running.length + this.#waiting.numQueued > 0;
  }

  /** Queues a request, or holds it until the end of a pause. */
  add(request: Request): void {
    this.adapters.added(request);
    this.#waiting.add(request);
  }

  /** Queues the requests that were waiting for a grammar that is now compiled. */
  releaseGrammar(grammar: CompiledGrammar): void {
    this.#waiting.releaseGrammar(grammar);
  }

  /**
   * Ends an adapter's load and queues deferred requests again.
   * @param invocationTokens the adapter's invocation tokens; null = the load failed
   */
  endAdapterLoad(key: string, invocationTokens: readonly number[] | null): void {
    if (invocationTokens === null) this.adapters.failed(key);
    else this.adapters.loaded(key, invocationTokens);
    this.#waiting.releaseDeferred();
  }

  /** Begins or changes a pause, during which new requests are held. "hold" is allowed only between steps. */
  pause(mode: PauseMode): void {
    this.#waiting.pause(mode);
  }

  /** Ends a pause and queues held requests in order of arrival. */
  resume(): void {
    this.#waiting.resume();
  }

  /** @returns true if a request is waiting for the end of a pause */
  isHeld(request: Request): boolean {
    return this.#waiting.isHeld(request);
  }

  /** Preempts all running requests, which then wait at the head of the queue. Must be called only between steps. */
  preemptAll(): void {
    for (const request of [...this.#running].reverse()) this.#preempt(request);
  }

  /** Ends a request in any state and frees its blocks. */
  finish(request: Request, status: FinishedStatus): void {
    if (request.isFinished) return;
    request.transition(status);
    this.kvCache.free(request);
    const wasRunning = !this.#waiting.remove(request);
    if (wasRunning) this.#running = this.#running.filter((other) => other !== request);
    this.#finishedRequestIds.push(request.requestId);
    if (this.adapters.finished(request, wasRunning)) this.#waiting.releaseDeferred();
    this.#waiting.releaseForks(request);
  }

  /**
   * Plans a step. The plan must be run and then passed to update() or failStep(), unless it is empty because all
   * queued requests must wait for their adapters.
   */
  schedule(): StepPlan {
    const draft = new PlanDraft(this.#stepBudget.numTokens(this.#running));
    this.#scheduleRunning(draft);
    // Now that all victims are known, other requests can hit the blocks that this step computes.
    for (const { request, numComputedTokens, numScheduledTokens } of draft.scheduled) {
      this.kvCache.hashFullBlocks(request, numComputedTokens + numScheduledTokens);
    }
    if (!draft.hasPreempted) {
      this.#scheduleWaiting(draft);
      this.#draftTokens.schedule(draft);
    }
    // The runner gets the IDs with a plan that is run.
    const finished = draft.scheduled.length > 0 ? this.#finishedRequestIds.splice(0) : [];
    return draft.toPlan(this.#stepId++, finished);
  }

  /**
   * Applies a step's result: advances counters, appends sampled tokens, and finishes requests.
   * @returns the sampled tokens in the plan's order, except those of requests that have ended in the meantime
   */
  update(plan: StepPlan, result: StepResult): SampledTokens[] {
    assert(plan.scheduled.length === result.results.length, "plan and result differ in length");
    this.#stepBudget.learn(plan, result);
    this.#draftTokens.learn(plan, result);
    const sampled: SampledTokens[] = [];
    plan.scheduled.forEach((entry, i) => {
      const { request, numScheduledTokens } = entry;
      const outcome = result.results[i];
      if (request.isFinished || outcome === undefined) return;
      const numRejected = numRejectedTokens(entry, outcome.tokenIds);
      request.numComputedTokens += numScheduledTokens - numRejected;
      if (numRejected > 0) this.kvCache.truncate(request, request.numComputedTokens);
      if (outcome.tokenIds.length > 0) sampled.push(this.#append(request, outcome));
    });
    return sampled;
  }

  /**
   * Appends tokens that were not sampled. The next step computes them, just like prompt tokens.
   * @returns the tokens, as if they had been sampled with certainty
   */
  force(request: Request, tokenIds: readonly number[]): SampledTokens {
    const wantsLogprobs = request.samplingParams.logprobs !== null;
    const logprobs = wantsLogprobs ? tokenIds.map(certain) : null;
    request.numForcedTokens += tokenIds.length;
    const outcome = { tokenIds, logprobs, isCorrupted: false, isRefused: false };
    return this.#append(request, outcome);
  }

  /**
   * Ends a failed step's requests. The blocks that the step should have computed can no longer be hit.
   * @returns the requests that had not already ended
   */
  failStep(plan: StepPlan): Request[] {
    const failed = plan.scheduled
      .map(({ request }) => request)
      .filter((request) => !request.isFinished);
    for (const request of failed) this.finish(request, "FINISHED_ERROR");
    for (const { blockIds, numComputedTokens } of plan.scheduled) {
      this.kvCache.dropHashes(blockIds, numComputedTokens);
    }
    return failed;
  }

  /** @returns current values of the gauges, and counts since the last call */
  takeStats() {
    const stats = {
      numRunningReqs: this.#running.length,
      numWaitingReqs: this.#waiting.size,
      numDeferredReqs: this.#waiting.numBlocked,
      kvCacheUsage: this.kvCache.pool.usage,
      prefixCache: this.#prefixCache,
      numPreemptedReqs: this.#numPreempted,
      blockEvictions: this.kvCache.takeEvictions(),
      specDecode: this.#draftTokens.takeStats(),
      adapters: this.adapters.stats(),
    };
    this.#prefixCache = { ...NO_PREFIX_STATS };
    this.#numPreempted = 0;
    return stats;
  }

  /**
   * Plans or preempts running requests in order, so the planned requests always come first in the list. Each request
   * leaves one token of the budget for every request after it, so that a prompt does not hold up decoding requests.
   */
  #scheduleRunning(draft: PlanDraft): void {
    while (draft.scheduled.length < this.#running.length && draft.budget > 0) {
      const request = this.#running[draft.scheduled.length];
      assert(request !== undefined, "a running request is missing");
      const numBehind = this.#running.length - draft.scheduled.length - 1;
      const budget = Math.max(1, draft.budget - numBehind);
      const numNewTokens = this.#numNewTokens(request, request.numComputedTokens, budget);
      const copies = this.#allocateOrPreempt(request, numNewTokens, draft);
      if (copies !== null) this.#schedule(request, numNewTokens, copies, draft);
    }
  }

  /** @returns null if the request itself was preempted */
  #allocateOrPreempt(request: Request, numNewTokens: number, draft: PlanDraft) {
    for (;;) {
      const copies = this.kvCache.allocateSlots(request, request.numComputedTokens, numNewTokens);
      if (copies !== null) return copies;
      const victim = this.#victim();
      draft.remove(victim);
      this.#preempt(victim);
      draft.hasPreempted = true;
      if (victim === request) return null;
    }
  }

  /** Chooses the request to preempt: the last one admitted under "fcfs", the least urgent one under "priority". */
  #victim(): Request {
    const { policy } = this.#config;
    const victim =
      policy === "fcfs"
        ? this.#running.at(-1)
        : this.#running.reduce((worst, other) => (runsBefore(worst, other) ? other : worst));
    assert(victim !== undefined, "no request is running");
    return victim;
  }

  #preempt(victim: Request): void {
    this.#running = this.#running.filter((other) => other !== victim);
    this.kvCache.free(victim);
    victim.numComputedTokens = 0;
    victim.numPreemptions++;
    victim.dropDraft();
    victim.transition("PREEMPTED");
    if (this.adapters.preempted(victim)) this.#waiting.releaseDeferred();
    this.#waiting.releaseForks(victim);
    this.#waiting.prepend(victim);
    this.#numPreempted++;
  }

  #scheduleWaiting(draft: PlanDraft): void {
    if (this.#waiting.numQueued === 0) return;
    const { scheduled } = draft;
    const counted = { kvCache: this.kvCache, running: this.#running, scheduled };
    const rules = admissionRules(this.#config, counted);
    while (draft.budget > 0 && this.#running.length < this.#config.maxNumSeqs) {
      const request = this.#waiting.peek();
      if (request === null) return;
      if (this.adapters.mustWait(request)) this.#waiting.defer(request);
      else if (!this.#admit(request, draft, rules)) return;
    }
  }

  /** @returns false, changing nothing, if there are not enough blocks or a rule makes the request wait */
  #admit(request: Request, draft: PlanDraft, rules: readonly AdmissionRule[]): boolean {
    if (request.forkOf !== null && canFork(request.forkOf, request)) {
      return this.#admitFork(request.forkOf, request, draft);
    }
    const cached = this.kvCache.cachedBlocks(request);
    const numCachedTokens = cached.length * this.#config.blockSize;
    const numNewTokens = this.#numNewTokens(request, numCachedTokens, draft.budget);
    const candidate = { request, cached, numCachedTokens, numNewTokens };
    if (!rules.every((rule) => rule.admits(candidate))) return false;
    const copies = this.kvCache.allocateSlots(request, numCachedTokens, numNewTokens, cached);
    if (copies === null) return false;
    this.#start(request, numCachedTokens);
    this.#schedule(request, numNewTokens, copies, draft);
    for (const rule of rules) rule.admitted(candidate);
    this.kvCache.hashFullBlocks(request, numCachedTokens + numNewTokens);
    return true;
  }

  /** Admits a child that shares its source's prompt blocks. The last prompt token is recomputed for its logits. */
  #admitFork(source: Request, child: Request, draft: PlanDraft): boolean {
    if (!this.kvCache.fork(source, child)) return false;
    const numCachedTokens = child.numPromptTokens - 1;
    const copies = this.kvCache.allocateSlots(child, numCachedTokens, 1);
    assert(copies !== null, () => `${child.requestId}: forked without a block for its copy`);
    this.#start(child, numCachedTokens);
    this.#schedule(child, 1, copies, draft);
    return true;
  }

  #start(request: Request, numCachedTokens: number): void {
    this.#waiting.remove(request);
    this.#running.push(request);
    request.transition("RUNNING");
    this.adapters.started(request);
    request.numComputedTokens = numCachedTokens;
    if (request.numCachedTokens !== null) return;
    request.numCachedTokens = numCachedTokens;
    if (!this.kvCache.readsCache(request)) return;
    this.#prefixCache.requests++;
    this.#prefixCache.queries += request.numTokens;
    this.#prefixCache.hits += numCachedTokens;
  }

  #schedule(
    request: Request,
    numTokens: number,
    copies: readonly BlockCopy[],
    draft: PlanDraft,
  ): void {
    const { numComputedTokens } = request;
    const end = numComputedTokens + numTokens;
    const entry: ScheduledRequest = {
      request,
      numComputedTokens,
      numScheduledTokens: numTokens,
      blockIds: this.kvCache.blockIds(request, end),
      output: end === request.numTokens ? "tokens" : "none",
      numDraftTokens: 0,
      adapterSlot: this.adapters.slotOf(request),
    };
    draft.add(entry, copies);
  }

  #numNewTokens(request: Request, numComputedTokens: number, budget: number): number {
    return Math.min(
      request.numTokens - numComputedTokens,
      budget,
      this.#requestLimits.maxTokensPerRequest,
    );
  }

  /** Appends sampled tokens one by one. If a token ends the request, those after it are dropped. */
  #append(
    request: Request,
    outcome: Pick<ScheduledResult, "tokenIds" | "logprobs" | "isCorrupted" | "isRefused">,
  ): SampledTokens {
    const isFirst = request.numOutputTokens === 0;
    const { tokenIds, logprobs, isCorrupted } = outcome;
    let numAppended = 0;
    const hasGrammarFailed = outcome.isRefused && !isCorrupted;
    let stopReason: SampledTokens["stopReason"] = hasGrammarFailed ? GRAMMAR_FAILED : null;
    if (outcome.isRefused) this.finish(request, "FINISHED_ERROR");
    while (numAppended < tokenIds.length && !request.isFinished) {
      const tokenId = tokenIds[numAppended++] ?? 0;
      request.appendOutputToken(tokenId);
      stopReason = this.#finishIfComplete(request, tokenId);
    }
    if (isFirst) this.#waiting.releaseForks(request);
    return {
      request,
      tokenIds: firstOf(tokenIds, numAppended),
      logprobs: logprobs && firstOf(logprobs, numAppended),
      isCorrupted,
      stopReason,
    };
  }

  /** @returns the ID of the stop token that ended the request; null if none did */
  #finishIfComplete(request: Request, tokenId: number): number | null {
    const finish = finishOf(request, tokenId, this.#eosTokenIds, this.#config.maxModelLen);
    if (finish === null) return null;
    this.finish(request, finish.status);
    return finish.stopReason;
  }
}
