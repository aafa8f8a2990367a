// Decides what each step computes. There is no prefill phase and no decode phase: a request's computed
// tokens catch up with its known tokens under one token budget, running requests first, then waiting
// ones while budget, sequences and blocks last (the idea is vLLM V1's). Chunked prefill, prefix hits
// and resumption after preemption fall out of it. Synchronous and pure: no clock, no I/O, no addon.

import { assert } from "../assert.ts";
import { type BlockCopy, type KvCacheConfig, KvCacheManager } from "../kvcache/kv-cache-manager.ts";
import type { Request } from "../request/request.ts";
import type { FinishedStatus } from "../request/request-status.ts";
import { completionOf } from "./completion.ts";
import { canFork, DeferredForks, isComputingPrompt } from "./deferred-forks.ts";
import { reservedTokens } from "./growth-reserve.ts";
import { FcfsQueue, PriorityQueue, type RequestQueue, runsBefore } from "./request-queue.ts";
import type { SampledToken, ScheduledRequest, StepPlan, StepResult } from "./scheduler-output.ts";
import { StepBudget, type TargetInterTokenLatency } from "./step-budget.ts";

export type SchedulingPolicy = "fcfs" | "priority";

/** "drain": what was added before goes on; "hold": nothing is scheduled. */
export type PauseMode = "drain" | "hold";

export interface SchedulerConfig extends KvCacheConfig {
  readonly maxNumBatchedTokens: number;
  readonly maxNumSeqs: number;
  /** A request ends with "length" when it has this many tokens. */
  readonly maxModelLen: number;
  /** Most tokens of one request a step; 0 = no limit but the budget. */
  readonly longPrefillTokenThreshold: number;
  /** Most requests that a step leaves with uncomputed tokens; others wait behind. Absent = no limit. */
  readonly maxNumPartialPrefills?: number;
  /**
   * Tokens that an admission leaves room for, to each request that runs; it then needs room for all of
   * its own tokens too. Absent = the blocks of its first step are enough.
   */
  readonly growthReserveTokens?: number;
  /** Bounds steps in which a request decodes, by measured step time. Absent = no bound. */
  readonly targetInterTokenLatencyMs?: TargetInterTokenLatency;
  readonly policy: SchedulingPolicy;
  readonly eosTokenIds: readonly number[];
}

/** The plan being made. */
interface Draft {
  scheduled: ScheduledRequest[];
  /** Tokens left. */
  budget: number;
  /** Planned requests that do not reach their last token; read for admissions only. */
  numPartialPrefills: number;
  /** Tokens that admissions leave room for; read for admissions only. */
  reservedTokens: number;
  readonly copies: BlockCopy[];
  readonly preempted: Request[];
}

const NO_PREFIX_STATS = { requests: 0, queries: 0, hits: 0 };

export class Scheduler {
  readonly kvCache: KvCacheManager;
  readonly #config: SchedulerConfig;
  readonly #eosTokenIds: ReadonlySet<number>;
  readonly #maxNumPartialPrefills: number;
  readonly #stepBudget: StepBudget;
  readonly #waiting: RequestQueue;
  readonly #deferred = new DeferredForks();
  /** In order of admission. */
  #running: Request[] = [];
  /** Added while paused, in order. */
  readonly #held = new Set<Request>();
  #paused: PauseMode | null = null;
  #finishedRequestIds: string[] = [];
  #prefixCache = { ...NO_PREFIX_STATS };
  #numPreempted = 0;
  #stepId = 0;

  constructor(config: SchedulerConfig) {
    this.kvCache = new KvCacheManager(config);
    assert(config.maxModelLen <= this.kvCache.capacityTokens, "maxModelLen does not fit the pool");
    this.#config = config;
    this.#maxNumPartialPrefills = config.maxNumPartialPrefills ?? Number.POSITIVE_INFINITY;
    this.#stepBudget = new StepBudget(
      config.maxNumBatchedTokens,
      config.targetInterTokenLatencyMs ?? null,
    );
    this.#eosTokenIds = new Set(config.eosTokenIds);
    this.#waiting = config.policy === "fcfs" ? new FcfsQueue() : new PriorityQueue();
  }

  /** Whether schedule() has something to plan. */
  get hasWork(): boolean {
    if (this.#paused === "hold") return false;
    return this.#running.length + this.#waiting.size + this.#deferred.size > 0;
  }

  /**
   * Queues a request. A fork of a request that still computes its prompt is set aside till then; one
   * that is added in a pause, till its end.
   */
  add(request: Request): void {
    if (this.#paused !== null) {
      this.#held.add(request);
      return;
    }
    const source = request.forkOf;
    if (source !== null && isComputingPrompt(source)) this.#deferred.add(source, request);
    else this.#waiting.add(request);
  }

  /** Begins or changes a pause: further requests are held. "hold" may be called between steps only. */
  pause(mode: PauseMode): void {
    this.#paused = mode;
  }

  /** Ends a pause: held requests are queued in the order in which they came. */
  resume(): void {
    this.#paused = null;
    for (const request of this.#held) this.add(request);
    this.#held.clear();
  }

  /** Whether a request waits for the end of a pause. */
  isHeld(request: Request): boolean {
    return this.#held.has(request);
  }

  /** Every running request gives its blocks back and waits at the head of the queue. Between steps only. */
  preemptAll(): void {
    for (const request of [...this.#running].reverse()) this.#preempt(request);
  }

  /** Ends a request in whatever state it is and frees its blocks. */
  finish(request: Request, status: FinishedStatus): void {
    if (request.isFinished) return;
    request.transition(status);
    this.kvCache.free(request);
    const wasQueued =
      this.#held.delete(request) || this.#waiting.remove(request) || this.#deferred.remove(request);
    if (!wasQueued) this.#running = this.#running.filter((other) => other !== request);
    this.#finishedRequestIds.push(request.requestId);
    this.#releaseForks(request);
  }

  /** Plans a step. The plan must be run and then given to update() or failStep(). */
  schedule(): StepPlan {
    const budget = this.#stepBudget.numTokens(this.#running);
    const draft: Draft = {
      scheduled: [],
      budget,
      numPartialPrefills: 0,
      reservedTokens: 0,
      copies: [],
      preempted: [],
    };
    this.#scheduleRunning(draft);
    // Victims are settled: only now may others hit what this step computes.
    for (const { request, numComputedTokens, numScheduledTokens } of draft.scheduled) {
      this.kvCache.cacheFullBlocks(request, numComputedTokens + numScheduledTokens);
    }
    if (draft.preempted.length === 0) this.#scheduleWaiting(draft);
    const finishedRequestIds = this.#finishedRequestIds;
    this.#finishedRequestIds = [];
    return {
      stepId: this.#stepId++,
      scheduled: draft.scheduled,
      numScheduledTokens: budget - draft.budget,
      blockCopies: draft.copies,
      preempted: draft.preempted,
      finishedRequestIds,
    };
  }

  /**
   * Takes a step's result: counters advance, sampled tokens are appended, requests finish.
   * @returns the sampled tokens in the plan's order; requests that ended meanwhile are left out
   */
  update(plan: StepPlan, result: StepResult): SampledToken[] {
    assert(plan.scheduled.length === result.results.length, "a result for every scheduled request");
    this.#stepBudget.learn(plan, result);
    const tokens: SampledToken[] = [];
    plan.scheduled.forEach(({ request, numScheduledTokens, samples }, i) => {
      const outcome = result.results[i];
      if (request.isFinished || outcome === undefined) return;
      request.numComputedTokens += numScheduledTokens;
      if (!samples) return;
      const { tokenId, logprobs, isCorrupted } = outcome;
      assert(tokenId >= 0, `${request.requestId}: no token was sampled`);
      request.appendOutputToken(tokenId);
      const stopReason = this.#finishIfComplete(request, tokenId);
      tokens.push({ request, tokenId, logprobs, isCorrupted, stopReason });
      if (request.numOutputTokens === 1) this.#releaseForks(request);
    });
    return tokens;
  }

  /**
   * Ends the requests of a step that failed. Nothing that it should have computed can be hit.
   * @returns those that had not ended meanwhile
   */
  failStep(plan: StepPlan): Request[] {
    const failed = plan.scheduled
      .map(({ request }) => request)
      .filter((request) => !request.isFinished);
    for (const request of failed) this.finish(request, "FINISHED_ERROR");
    for (const { blockIds, numComputedTokens } of plan.scheduled) {
      this.kvCache.forgetBlocks(blockIds, numComputedTokens);
    }
    return failed;
  }

  /** Gauges as they are now and counters since the last call. */
  takeStats() {
    const stats = {
      numRunningReqs: this.#running.length,
      numWaitingReqs: this.#waiting.size + this.#deferred.size + this.#held.size,
      numDeferredReqs: this.#deferred.size,
      kvCacheUsage: this.kvCache.pool.usage,
      prefixCache: this.#prefixCache,
      numPreemptedReqs: this.#numPreempted,
      blockEvictions: this.kvCache.takeEvictions(),
    };
    this.#prefixCache = { ...NO_PREFIX_STATS };
    this.#numPreempted = 0;
    return stats;
  }

  /**
   * Every running request is planned or preempted in turn, so the planned ones lead the list. Each leaves
   * a token to each one behind it: a prompt in front of a decoding request does not hold it up.
   */
  #scheduleRunning(draft: Draft): void {
    while (draft.scheduled.length < this.#running.length && draft.budget > 0) {
      const request = this.#running[draft.scheduled.length];
      assert(request !== undefined, "running list is shorter than its length");
      const numBehind = this.#running.length - draft.scheduled.length - 1;
      const budget = Math.max(1, draft.budget - numBehind);
      const numNewTokens = this.#numNewTokens(request, request.numComputedTokens, budget);
      const copies = this.#allocateOrPreempt(request, numNewTokens, draft);
      if (copies !== null) this.#schedule(request, numNewTokens, copies, draft);
    }
  }

  /** @returns null when the request itself had to give way */
  #allocateOrPreempt(request: Request, numNewTokens: number, draft: Draft) {
    for (;;) {
      const copies = this.kvCache.allocateSlots(request, request.numComputedTokens, numNewTokens);
      if (copies !== null) return copies;
      const victim = this.#victim();
      this.#unplan(victim, draft);
      this.#preempt(victim);
      draft.preempted.push(victim);
      if (victim === request) return null;
    }
  }

  /** Who gives way: the last to run under fcfs, the least urgent under priority. */
  #victim(): Request {
    const { policy } = this.#config;
    const victim =
      policy === "fcfs"
        ? this.#running.at(-1)
        : this.#running.reduce((worst, other) => (runsBefore(worst, other) ? other : worst));
    assert(victim !== undefined, "nobody is running");
    return victim;
  }

  #unplan(victim: Request, draft: Draft): void {
    const planned = draft.scheduled.find(({ request }) => request === victim);
    if (planned === undefined) return;
    draft.scheduled = draft.scheduled.filter((entry) => entry !== planned);
    draft.budget += planned.numScheduledTokens;
  }

  #preempt(victim: Request): void {
    this.#running = this.#running.filter((other) => other !== victim);
    this.kvCache.free(victim);
    victim.numComputedTokens = 0;
    victim.numPreemptions++;
    victim.transition("PREEMPTED");
    this.#releaseForks(victim);
    this.#waiting.prepend(victim);
    this.#numPreempted++;
  }

  #scheduleWaiting(draft: Draft): void {
    if (this.#waiting.size === 0) return;
    for (const request of this.#running) draft.reservedTokens += this.#reservedTokens(request);
    while (draft.budget > 0 && this.#running.length < this.#config.maxNumSeqs) {
      const request = this.#waiting.peek();
      if (request === null || !this.#admit(request, draft)) return;
    }
  }

  /** @returns false, with nothing changed, when its blocks cannot be had or it has to wait its turn */
  #admit(request: Request, draft: Draft): boolean {
    if (request.forkOf !== null && canFork(request.forkOf, request)) {
      return this.#admitFork(request.forkOf, request, draft);
    }
    const cached = this.kvCache.cachedBlocks(request);
    const numCachedTokens = cached.length * this.#config.blockSize;
    const numNewTokens = this.#numNewTokens(request, numCachedTokens, draft.budget);
    const isPartial = numCachedTokens + numNewTokens < request.numTokens;
    if (isPartial && draft.numPartialPrefills >= this.#maxNumPartialPrefills) return false;
    if (!this.#leavesRoom(request, cached, draft)) return false;
    const copies = this.kvCache.allocateSlots(request, numCachedTokens, numNewTokens, cached);
    if (copies === null) return false;
    this.#start(request, numCachedTokens);
    this.#schedule(request, numNewTokens, copies, draft);
    this.kvCache.cacheFullBlocks(request, numCachedTokens + numNewTokens);
    return true;
  }

  /** Alone, a request has the whole pool. */
  #leavesRoom(request: Request, cached: readonly number[], draft: Draft): boolean {
    if (this.#config.growthReserveTokens === undefined) return true;
    draft.reservedTokens += this.#reservedTokens(request);
    if (this.#running.length === 0) return true;
    return this.kvCache.hasRoom(request.numTokens, cached, draft.reservedTokens);
  }

  #reservedTokens(request: Request): number {
    const { growthReserveTokens = 0, maxModelLen } = this.#config;
    return reservedTokens(request, growthReserveTokens, maxModelLen);
  }

  /** Shares the source's prompt blocks; the last prompt token is computed again for its logits. */
  #admitFork(source: Request, child: Request, draft: Draft): boolean {
    if (!this.kvCache.fork(source, child)) return false;
    const numCachedTokens = child.numPromptTokens - 1;
    const copies = this.kvCache.allocateSlots(child, numCachedTokens, 1);
    assert(copies !== null, `${child.requestId}: forked without room for its copy`);
    this.#start(child, numCachedTokens);
    this.#schedule(child, 1, copies, draft);
    return true;
  }

  #start(request: Request, numCachedTokens: number): void {
    this.#waiting.remove(request);
    this.#running.push(request);
    request.transition("RUNNING");
    request.numComputedTokens = numCachedTokens;
    if (request.numCachedTokens >= 0) return;
    request.numCachedTokens = numCachedTokens;
    if (!this.kvCache.readsCache(request)) return;
    this.#prefixCache.requests++;
    this.#prefixCache.queries += request.numTokens;
    this.#prefixCache.hits += numCachedTokens;
  }

  #schedule(request: Request, numTokens: number, copies: readonly BlockCopy[], draft: Draft): void {
    const { numComputedTokens } = request;
    const end = numComputedTokens + numTokens;
    const samples = end === request.numTokens;
    draft.budget -= numTokens;
    if (!samples) draft.numPartialPrefills++;
    for (const copy of copies) draft.copies.push(copy);
    draft.scheduled.push({
      request,
      numComputedTokens,
      numScheduledTokens: numTokens,
      blockIds: this.kvCache.blockIds(request, end),
      samples,
    });
  }

  #numNewTokens(request: Request, numComputedTokens: number, budget: number): number {
    const { longPrefillTokenThreshold: threshold } = this.#config;
    const wanted = Math.min(request.numTokens - numComputedTokens, budget);
    return threshold > 0 ? Math.min(wanted, threshold) : wanted;
  }

  /** @returns the stop token id that ended the request, if one did */
  #finishIfComplete(request: Request, tokenId: number): number | null {
    const completion = completionOf(request, tokenId, this.#eosTokenIds, this.#config.maxModelLen);
    if (completion === null) return null;
    this.finish(request, completion.status);
    return completion.stopReason;
  }

  /** The forks of a request stop waiting for it: its prompt is computed, or never will be. */
  #releaseForks(source: Request): void {
    for (const child of this.#deferred.take(source).reverse()) this.#waiting.prepend(child);
  }
}
