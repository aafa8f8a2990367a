// Rules that can keep a waiting request out of a step although budget, sequences and blocks are left. Each rule
// is a file; admission-rules.ts lists those that are on.

import type { Request } from "../request/request.ts";

/** The next waiting request and its first step. */
export interface Candidate {
  readonly request: Request;
  /** Blocks of the prefix cache that it would share. */
  readonly cached: readonly number[];
  /** Tokens in these blocks. */
  readonly numCachedTokens: number;
  /** Tokens that the step would compute, >= 1. */
  readonly numNewTokens: number;
}

/**
 * Created in each step that may admit requests, from those already running. Forks are not checked: the blocks
 * they share were admitted with their source.
 */
export interface AdmissionRule {
  /** Changes nothing. @returns false if the request and all after it must wait for another step */
  admits(candidate: Candidate): boolean;
  /** Counts a request that every rule has admitted and that has its blocks. */
  admitted(candidate: Candidate): void;
}
