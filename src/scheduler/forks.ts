// Rules for the sequences of requests with n > 1. A child is blocked until its source has computed the shared prompt.
// Once released, it shares its source's blocks if that is still possible; otherwise, it becomes an ordinary request.

import { assert } from "../assert.ts";
import type { Request } from "../request/request.ts";

/** @returns true if forks of `source` must wait because it has not computed the whole prompt yet */
export function isComputingPrompt(source: Request): boolean {
  return !source.isFinished && source.numPreemptions === 0 && !hasPrompt(source);
}

/**
 * Decides whether `child`, now in the waiting queue, can share the prompt blocks of `source`, which earlier steps
 * computed. A source that has been preempted cannot share them: once resumed, it may have hit blocks that this same
 * step writes, and copies on write run before the pass. A preempted child resumes as an ordinary request, since it must
 * also recompute its own tokens.
 */
export function canFork(source: Request, child: Request): boolean {
  const isUntouched = source.status === "RUNNING" && source.numPreemptions === 0;
  assert(
    !isUntouched || hasPrompt(source),
    `${child.requestId}: queued before its source computed the prompt`,
  );
  return isUntouched && child.status === "WAITING";
}

function hasPrompt(request: Request): boolean {
  return request.numComputedTokens >= request.numPromptTokens;
}
