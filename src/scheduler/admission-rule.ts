// The interface for rules that can keep a waiting request out of a step even if budget, sequences and blocks are
// available. Each rule has its own file; admission-rules.ts creates those that are enabled.

import type { Request } from "../request/request.ts";

/** The next waiting request and its first step. */
export interface Candidate {
  readonly request: Request;
  /** Cached blocks that the request would share. */
  readonly cached: readonly number[];
  /** Number of tokens in these blocks. */
  readonly numCachedTokens: number;
  /** Number of tokens that the step would compute, at least 1. */
  readonly numNewTokens: number;
}

/**
 * A rule, created for each step that may admit requests. Forks are not checked, because the blocks they share were
 * admitted with their source.
 */
export interface AdmissionRule {
  /** Has no side effects. @returns false if the request and all requests after it must wait for a later step */
  admits(candidate: Candidate): boolean;
  /** Counts a request that all rules have admitted and whose blocks are allocated. */
  admitted(candidate: Candidate): void;
}
