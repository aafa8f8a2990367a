// vLLM's statistics line, logged after every interval with activity.

import type { IterationStats, SchedulerStats, StatListener } from "../protocol/stats.ts";

export class StatsLine implements StatListener {
  #scheduler: SchedulerStats | null = null;
  #numPromptTokens = 0;
  #numGenerationTokens = 0;
  #queries = 0;
  #hits = 0;
  #wasIdle = true;

  record(scheduler: SchedulerStats, iteration: IterationStats | null): void {
    this.#scheduler = scheduler;
    this.#numPromptTokens += iteration?.numPromptTokens ?? 0;
    this.#numGenerationTokens += iteration?.numGenerationTokens ?? 0;
    this.#queries += scheduler.prefixCache.queries;
    this.#hits += scheduler.prefixCache.hits;
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
}
