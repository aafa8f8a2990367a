// The requests that are not running: the queue, requests blocked on an event, and requests held during a pause.

import type { Request } from "../request/request.ts";
import type { CompiledGrammar } from "../request/sampling-params.ts";
import { Blocked, type Turn } from "./blocked.ts";
import { isComputingPrompt } from "./forks.ts";
import { FcfsQueue, PriorityQueue, type RequestQueue } from "./request-queue.ts";

export type SchedulingPolicy = "fcfs" | "priority";

/** "drain" = earlier requests continue, "hold" = nothing is scheduled. */
export type PauseMode = "drain" | "hold";

export class WaitingRequests {
  readonly #queue: RequestQueue;
  readonly #blocked = new Blocked();
  /** Requests added during a pause, in order. */
  readonly #held = new Set<Request>();
  readonly #deferred: Turn = { kind: "turn" };
  #paused: PauseMode | null = null;

  constructor(policy: SchedulingPolicy) {
    this.#queue = policy === "fcfs" ? new FcfsQueue() : new PriorityQueue();
  }

  /** The current pause; null = none. */
  get paused(): PauseMode | null {
    return this.#paused;
  }

  /** Number of requests in the queue. */
  get numQueued(): number {
    return this.#queue.size;
  }

  /** Number of blocked requests. */
  get numBlocked(): number {
    return this.#blocked.size;
  }

  /** Number of all requests that are not running. */
  get size(): number {
    return this.#queue.size + this.#blocked.size + this.#held.size;
  }

  /** Queues a request, or holds it until the end of a pause. */
  add(request: Request): void {
    if (this.#paused !== null) this.#held.add(request);
    else this.#enqueue(request);
  }

  /**
   * Queues a request. It is blocked until its grammar is compiled, and if it is a fork, until its source has computed
   * the prompt.
   */
  #enqueue(request: Request): void {
    const { forkOf, grammar } = request;
    if (grammar !== null && !grammar.isReady) {
      request.transition("WAITING_FOR_GRAMMAR");
      this.#blocked.add(request, grammar);
    } else if (forkOf !== null && isComputingPrompt(forkOf)) this.#blocked.add(request, forkOf);
    else this.#queue.add(request);
  }

  /** Adds a preempted request, at the head or at the position that its priority determines. */
  prepend(request: Request): void {
    this.#queue.prepend(request);
  }

  /** @returns the next request to run; null if the queue is empty */
  peek(): Request | null {
    return this.#queue.peek();
  }

  /** @returns false if the request is not waiting */
  remove(request: Request): boolean {
    return (
      this.#held.delete(request) || this.#queue.remove(request) || this.#blocked.remove(request)
    );
  }

  /** Queues the requests that were waiting for a grammar that is now compiled. */
  releaseGrammar(grammar: CompiledGrammar): void {
    for (const request of this.#blocked.release(grammar)) {
      request.transition("WAITING");
      this.#enqueue(request);
    }
  }

  /** Takes a request out of the queue until releaseDeferred(). */
  defer(request: Request): void {
    this.#queue.remove(request);
    this.#blocked.add(request, this.#deferred);
  }

  /** Queues deferred requests again, ahead of later requests. */
  releaseDeferred(): void {
    for (const request of this.#blocked.release(this.#deferred).reverse()) {
      this.#queue.prepend(request);
    }
  }

  /** Queues the forks of a request whose prompt has been computed or never will be, ahead of later requests. */
  releaseForks(source: Request): void {
    for (const child of this.#blocked.release(source).reverse()) this.#queue.prepend(child);
  }

  /** Begins or changes a pause, during which new requests are held. "hold" is allowed only between steps. */
  pause(mode: PauseMode): void {
    this.#paused = mode;
  }

  /** Ends a pause and queues held requests in order of arrival. */
  resume(): void {
    this.#paused = null;
    for (const request of this.#held) this.#enqueue(request);
    this.#held.clear();
  }

  /** @returns true if a request is waiting for the end of a pause */
  isHeld(request: Request): boolean {
    return this.#held.has(request);
  }
}
