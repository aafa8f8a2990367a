// What may keep a waiting request out of a step though budget, sequences and blocks are left. Each rule is a
// file; scheduler.ts lists those that are on.

import type { Request } from "../request/request.ts";

/** The next waiting request, and what its first step would be. */
export interface Candidate {
  readonly request: Request;
  /** Blocks from the prefix cache that it would share. */
  readonly cached: readonly number[];
  /** Tokens in them. */
  readonly numCachedTokens: number;
  /** Tokens that the step would compute, >= 1. */
  readonly numNewTokens: number;
}

/**
 * Made by each step that may admit, from what already runs. Forks are not asked: what they share was admitted
 * with their source.
 */
export interface AdmissionRule {
  /** Changes nothing. False: the request and all behind it wait for another step. */
  admits(candidate: Candidate): boolean;
  /** Counts a request that every rule admitted and that has its blocks. */
  admitted(candidate: Candidate): void;
}
