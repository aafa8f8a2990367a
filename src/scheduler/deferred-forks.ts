// Sequences of n > 1 that wait until their source has computed the shared prompt. They are kept out of
// the waiting queue, so that they do not block those behind them.

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
