// Queues of waiting requests, one per policy. Neither queue scans to add, take or remove a request.

import { assert } from "../assert.ts";
import type { Request } from "../request/request.ts";

export interface RequestQueue {
  readonly size: number;
  add(request: Request): void;
  /** Adds a preempted request, at the head or at the position that its priority determines. */
  prepend(request: Request): void;
  /** @returns the next request to run; null if the queue is empty */
  peek(): Request | null;
  /** @returns false if the request is not in the queue */
  remove(request: Request): boolean;
}

interface Node {
  readonly request: Request;
  next: Node | null;
  previous: Node | null;
}

/** First come, first served. A linked list with a map to its nodes. */
export class FcfsQueue implements RequestQueue {
  readonly #nodes = new Map<Request, Node>();
  #head: Node | null = null;
  #tail: Node | null = null;

  get size(): number {
    return this.#nodes.size;
  }

  add(request: Request): void {
    const node = this.#node(request);
    node.previous = this.#tail;
    if (this.#tail === null) this.#head = node;
    else this.#tail.next = node;
    this.#tail = node;
  }

  prepend(request: Request): void {
    const node = this.#node(request);
    node.next = this.#head;
    if (this.#head === null) this.#tail = node;
    else this.#head.previous = node;
    this.#head = node;
  }

  peek(): Request | null {
    return this.#head?.request ?? null;
  }

  remove(request: Request): boolean {
    const node = this.#nodes.get(request);
    if (node === undefined) return false;
    this.#nodes.delete(request);
    if (node.previous === null) this.#head = node.next;
    else node.previous.next = node.next;
    if (node.next === null) this.#tail = node.previous;
    else node.next.previous = node.previous;
    return true;
  }

  #node(request: Request): Node {
    assert(!this.#nodes.has(request), () => `${request.requestId}: is already queued`);
    const node: Node = { request, next: null, previous: null };
    this.#nodes.set(request, node);
    return node;
  }
}

/** @returns true if `a` runs before `b`: smaller priority values first, then earlier arrival */
export function runsBefore(a: Request, b: Request): boolean {
  if (a.priority !== b.priority) return a.priority < b.priority;
  return a.arrivalOrder < b.arrivalOrder;
}

/** Order of the queue by policy, except for preempted requests. */
export const ORDERS = {
  fcfs: (a: Request, b: Request) => a.arrivalOrder < b.arrivalOrder,
  priority: runsBefore,
};

/** Ordered by (priority, arrival). A binary heap with a map from each request to its position. */
export class PriorityQueue implements RequestQueue {
  readonly #heap: Request[] = [];
  readonly #positions = new Map<Request, number>();

  get size(): number {
    return this.#heap.length;
  }

  add(request: Request): void {
    assert(!this.#positions.has(request), () => `${request.requestId}: is already queued`);
    this.#heap.push(request);
    this.#place(request, this.#heap.length - 1);
    this.#siftUp(this.#heap.length - 1);
  }

  prepend(request: Request): void {
    this.add(request);
  }

  peek(): Request | null {
    return this.#heap[0] ?? null;
  }

  remove(request: Request): boolean {
    const position = this.#positions.get(request);
    if (position === undefined) return false;
    this.#positions.delete(request);
    const last = this.#heap.pop();
    if (last !== undefined && last !== request) {
      this.#place(last, position);
      this.#siftUp(position);
      this.#siftDown(this.#positions.get(last) ?? position);
    }
    return true;
  }

  #place(request: Request, position: number): void {
    this.#heap[position] = request;
    this.#positions.set(request, position);
  }

  #siftUp(from: number): void {
    for (let i = from; i > 0; ) {
      const parent = (i - 1) >> 1;
      if (!this.#swapIfBefore(i, parent)) return;
      i = parent;
    }
  }

  #siftDown(from: number): void {
    for (let i = from; ; ) {
      const left = 2 * i + 1;
      const child = this.#isBefore(left + 1, left) ? left + 1 : left;
      if (!this.#swapIfBefore(child, i)) return;
      i = child;
    }
  }

  #swapIfBefore(i: number, j: number): boolean {
    const a = this.#heap[i];
    const b = this.#heap[j];
    if (a === undefined || b === undefined || !runsBefore(a, b)) return false;
    this.#place(a, j);
    this.#place(b, i);
    return true;
  }

  #isBefore(i: number, j: number): boolean {
    const a = this.#heap[i];
    const b = this.#heap[j];
    return a !== undefined && b !== undefined && runsBefore(a, b);
  }
}
