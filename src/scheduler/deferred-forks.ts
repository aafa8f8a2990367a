// Sequences of n > 1 that wait until their source has computed the shared prompt. They are kept out of
// the waiting queue, so that they do not block those behind them. Once released, a child shares its
// source's blocks if it still can, and is an ordinary request if not.

import { assert } from "../assert.ts";
import type { Request } from "../request/request.ts";

export class DeferredForks {
  readonly #children = new Map<Request, Request[]>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(source: Request, child: Request): void {
    const children = this.#children.get(source);
    if (children === undefined) this.#children.set(source, [child]);
    else children.push(child);
    this.#size++;
  }

  /** All children of a source, in order; they are not deferred any more. */
  take(source: Request): Request[] {
    const children = this.#children.get(source) ?? [];
    this.#children.delete(source);
    this.#size -= children.length;
    return children;
  }

  /** @returns false when the child is not deferred */
  remove(child: Request): boolean {
    const source = child.forkOf;
    const siblings = source === null ? undefined : this.#children.get(source);
    const index = siblings?.indexOf(child) ?? -1;
    if (siblings === undefined || index < 0) return false;
    siblings.splice(index, 1);
    this.#size--;
    return true;
  }
}

/** Whether forks of `source` wait for it: its prompt is not in the cache yet, but will be. */
export function isComputingPrompt(source: Request): boolean {
  return !source.isFinished && source.numPreemptions === 0 && !hasPrompt(source);
}

/**
 * Whether `child`, now in the waiting queue, may share the prompt blocks of `source`: earlier steps
 * computed them. A source that was preempted does not count: once resumed, it may have hit blocks that
 * this very step writes, and copies on write come before the pass. A preempted child resumes as an
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
