// vLLM's statistics line, logged after every interval with activity, and its line about draft tokens.

import {
  type IterationStats,
  joinSpecDecode,
  type SchedulerStats,
  type SpecDecodeStats,
  type StatListener,
} from "../protocol/stats.ts";

export class StatsLine implements StatListener {
  #scheduler: SchedulerStats | null = null;
  #numPromptTokens = 0;
  #numGenerationTokens = 0;
  #queries = 0;
  #hits = 0;
  #specDecode: SpecDecodeStats | null = null;
  #wasIdle = true;

  record(scheduler: SchedulerStats, iteration: IterationStats | null): void {
    this.#scheduler = scheduler;
    this.#numPromptTokens += iteration?.numPromptTokens ?? 0;
    this.#numGenerationTokens += iteration?.numGenerationTokens ?? 0;
    this.#queries += scheduler.prefixCache.queries;
    this.#hits += scheduler.prefixCache.hits;
    this.#specDecode = joinSpecDecode(this.#specDecode, scheduler.specDecode);
  }

  /** @returns the line for the last `seconds`; null while idle */
  take(seconds: number): string | null {
    const stats = this.#scheduler;
    const promptRate = this.#numPromptTokens / seconds;
    const generationRate = this.#numGenerationTokens / seconds;
    this.#numPromptTokens = 0;
    this.#numGenerationTokens = 0;
    if (stats === null) return null;
    const isIdle = promptRate + generationRate + stats.numRunningReqs + stats.numWaitingReqs === 0;
    const wasIdle = this.#wasIdle;
    this.#wasIdle = isIdle;
    if (isIdle && wasIdle) return null;
    const hitRate = this.#queries === 0 ? 0 : (100 * this.#hits) / this.#queries;
    return (
      `Avg prompt throughput: ${promptRate.toFixed(1)} tokens/s, ` +
      `Avg generation throughput: ${generationRate.toFixed(1)} tokens/s, ` +
      `Running: ${stats.numRunningReqs} reqs, Waiting: ${stats.numWaitingReqs} reqs, ` +
      `KV cache usage: ${(100 * stats.kvCacheUsage).toFixed(1)}%, ` +
      `Prefix cache hit rate: ${hitRate.toFixed(1)}%`
    );
  }

  /** @returns the line about draft tokens in the last `seconds`; null if there were none */
  takeSpecDecode(seconds: number): string | null {
    const stats = this.#specDecode;
    if (stats === null) return null;
    this.#specDecode = null;
    const { numDrafts, numDraftTokens, numAcceptedTokens, acceptedPerPos } = stats;
    const rates = acceptedPerPos.map((count) => (count / numDrafts).toFixed(3));
    return (
      `SpecDecoding metrics: Mean acceptance length: ${(1 + numAcceptedTokens / numDrafts).toFixed(2)}, ` +
      `Accepted throughput: ${(numAcceptedTokens / seconds).toFixed(2)} tokens/s, ` +
      `Drafted throughput: ${(numDraftTokens / seconds).toFixed(2)} tokens/s, ` +
      `Accepted: ${numAcceptedTokens} tokens, Drafted: ${numDraftTokens} tokens, ` +
      `Per-position acceptance rate: ${rates.join(", ")}, ` +
      `Avg Draft acceptance rate: ${((100 * numAcceptedTokens) / numDraftTokens).toFixed(1)}%`
    );
  }
}
