// Sequences of n > 1. They are blocked until their source has computed the shared prompt. Once released, a child
// shares its source's blocks if it still can; otherwise it is an ordinary request.

import { assert } from "../assert.ts";
import type { Request } from "../request/request.ts";

/** @returns whether forks of `source` wait for it: its prompt is not in the cache yet but will be */
export function isComputingPrompt(source: Request): boolean {
  return !source.isFinished && source.numPreemptions === 0 && !hasPrompt(source);
}

/**
 * Whether `child`, now in the waiting queue, may share the prompt blocks of `source`, which earlier steps
 * computed. A preempted source does not count: once resumed, it may have hit blocks that this same step
 * writes, and copies on write come before the pass. A preempted child resumes as an
 * ordinary request, since it has tokens of its own to compute again.
 */
export function canFork(source: Request, child: Request): boolean {
  const isUntouched = source.status === "RUNNING" && source.numPreemptions === 0;
  assert(
    !isUntouched || hasPrompt(source),
    `${child.requestId}: queued before its source's prompt`,
  );
  return isUntouched && child.status === "WAITING";
}

function hasPrompt(request: Request): boolean {
  return request.numComputedTokens >= request.numPromptTokens;
}
