// Requests that cannot run until a certain event happens. They are kept out of the waiting queue so that they do not
// hold up the requests behind them.

import { assert } from "../assert.ts";
import type { Request } from "../request/request.ts";
import type { CompiledGrammar } from "../request/sampling-params.ts";

/** The event "another adapter can take a turn". */
export interface Turn {
  readonly kind: "turn";
}

/**
 * The event that a request waits for, compared by identity. A fork waits for its source to compute the prompt, and
 * other requests wait for a grammar to be compiled or for their adapter's turn.
 */
export type BlockKey = Request | CompiledGrammar | Turn;

export class Blocked {
  /** For each key, the requests that wait for it, in order. */
  readonly #requests = new Map<BlockKey, Set<Request>>();
  readonly #keys = new Map<Request, BlockKey>();

  /** Number of blocked requests. */
  get size(): number {
    return this.#keys.size;
  }

  add(request: Request, on: BlockKey): void {
    assert(!this.#keys.has(request), () => `${request.requestId}: is already blocked`);
    this.#keys.set(request, on);
    const requests = this.#requests.get(on);
    if (requests === undefined) this.#requests.set(on, new Set([request]));
    else requests.add(request);
  }

  /** Ends the wait for a key. @returns all requests that waited for it, in order */
  release(on: BlockKey): Request[] {
    const requests = [...(this.#requests.get(on) ?? [])];
    this.#requests.delete(on);
    for (const request of requests) this.#keys.delete(request);
    return requests;
  }

  /** @returns false if the request is not blocked */
  remove(request: Request): boolean {
    const on = this.#keys.get(request);
    if (on === undefined) return false;
    this.#keys.delete(request);
    const requests = this.#requests.get(on);
    requests?.delete(request);
    if (requests?.size === 0) this.#requests.delete(on);
    return true;
  }
}
