// Creates the admission rules that a configuration enables.

import type { KvCacheManager } from "../kvcache/kv-cache-manager.ts";
import type { Request } from "../request/request.ts";
import type { AdmissionRule } from "./admission-rule.ts";
import { GrowthReserve } from "./growth-reserve.ts";
import { PartialPrefillLimit } from "./partial-prefills.ts";
import type { ScheduledRequest } from "./scheduler-output.ts";

export interface AdmissionConfig {
  readonly blockSize: number;
  /** A request ends with "length" when it has this many tokens. */
  readonly maxModelLen: number;
  /**
   * Maximum number of requests that a step may leave partly computed, at least 1; further requests wait. Null = no
   * limit.
   */
  readonly maxNumPartialPrefills: number | null;
  /**
   * Number of free tokens to keep for each running request when another one is admitted; the new request then also
   * needs blocks for all its own tokens. Null = it needs only the blocks of its first step.
   */
  readonly growthReserveTokens: number | null;
}

/** The scheduler state that the rules are based on. */
export interface Admitted {
  readonly kvCache: KvCacheManager;
  /** Running requests; this list grows with each admitted request. */
  readonly running: readonly Request[];
  /** Requests planned so far in this step. */
  readonly scheduled: readonly ScheduledRequest[];
}

export function admissionRules(
  { maxNumPartialPrefills, growthReserveTokens, maxModelLen, blockSize }: AdmissionConfig,
  { kvCache, running, scheduled }: Admitted,
): readonly AdmissionRule[] {
  const rules: AdmissionRule[] = [];
  if (maxNumPartialPrefills !== null) {
    rules.push(new PartialPrefillLimit(maxNumPartialPrefills, scheduled));
  }
  if (growthReserveTokens !== null) {
    const limits = { growthReserveTokens, maxModelLen, blockSize };
    rules.push(new GrowthReserve(limits, kvCache, running));
  }
  return rules;
}
