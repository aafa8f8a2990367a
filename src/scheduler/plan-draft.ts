// A step's plan while it is being made: the requests planned so far and the remaining token budget.

import type { BlockCopy } from "../kvcache/kv-cache-manager.ts";
import type { Request } from "../request/request.ts";
import type { ScheduledRequest, StepPlan } from "./scheduler-output.ts";

export class PlanDraft {
  /** Planned requests, in order. */
  readonly scheduled: ScheduledRequest[] = [];
  /** True if a request was preempted, in which case the step admits no requests and verifies no draft tokens. */
  hasPreempted = false;
  readonly #copies: BlockCopy[] = [];
  readonly #numTokens: number;
  #budget: number;

  /** @param numTokens the step's token budget */
  constructor(numTokens: number) {
    this.#numTokens = numTokens;
    this.#budget = numTokens;
  }

  /** Number of tokens left. */
  get budget(): number {
    return this.#budget;
  }

  /** Adds an entry. @param copies block copies that the entry's tokens need */
  add(entry: ScheduledRequest, copies: readonly BlockCopy[]): void {
    this.#budget -= entry.numScheduledTokens;
    for (const copy of copies) this.#copies.push(copy);
    this.scheduled.push(entry);
  }

  /** Replaces the entry at `index`. */
  replace(index: number, entry: ScheduledRequest): void {
    this.#budget += this.scheduled[index]?.numScheduledTokens ?? 0;
    this.#budget -= entry.numScheduledTokens;
    this.scheduled[index] = entry;
  }

  /** Removes a request if it is planned. */
  remove(request: Request): void {
    const index = this.scheduled.findIndex((entry) => entry.request === request);
    if (index < 0) return;
    const [entry] = this.scheduled.splice(index, 1);
    this.#budget += entry?.numScheduledTokens ?? 0;
  }

  toPlan(stepId: number, finishedRequestIds: readonly string[]): StepPlan {
    return {
      stepId,
      scheduled: this.scheduled,
      numScheduledTokens: this.#numTokens - this.#budget,
      transfers: { copies: this.#copies },
      finishedRequestIds,
    };
  }
}
