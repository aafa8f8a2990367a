// The two queue types for waiting requests: order, heads, and removal from the middle.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Request } from "../../src/request/request.ts";
import {
  FcfsQueue,
  PriorityQueue,
  type RequestQueue,
  runsBefore,
} from "../../src/scheduler/request-queue.ts";
import { makeRequest } from "../support/make-request.ts";

const requestsOf = (...priorities: number[]) =>
  priorities.map((priority, i) => makeRequest(`r${i}`, 1, { priority }));

/** Removes all requests. @returns ids in the order they would run */
function drain(queue: RequestQueue): string[] {
  const ids: string[] = [];
  for (let head = queue.peek(); head !== null; head = queue.peek()) {
    ids.push(head.requestId);
    queue.remove(head);
  }
  return ids;
}

function filled<Queue extends RequestQueue>(queue: Queue, requests: readonly Request[]): Queue {
  for (const request of requests) queue.add(request);
  return queue;
}

describe.each([
  ["FcfsQueue", () => new FcfsQueue()],
  ["PriorityQueue", () => new PriorityQueue()],
] as const)("%s", (_name, create) => {
  test("is empty initially and after its last request is removed", () => {
    const queue = create();
    const [request] = requestsOf(0) as [Request];
    expect(queue.peek()).toBeNull();
    queue.add(request);
    expect(queue.peek()).toBe(request);
    expect(queue.remove(request)).toBe(true);
    expect(queue.peek()).toBeNull();
    expect(queue.size).toBe(0);
  });

  test("does not remove a request that is not queued", () => {
    const [inside, outside] = requestsOf(0, 0) as [Request, Request];
    const queue = filled(create(), [inside]);
    expect(queue.remove(outside)).toBe(false);
    expect(queue.size).toBe(1);
  });

  test("asserts on adding a request twice", () => {
    const [request] = requestsOf(0) as [Request];
    const queue = filled(create(), [request]);
    expect(() => queue.add(request)).toThrow("r0: is already queued");
  });

  test.each([0, 1, 2, 3])(
    "keeps the order of the other requests when request %d is canceled",
    (index) => {
      const requests = requestsOf(0, 0, 0, 0);
      const queue = filled(create(), requests);
      queue.remove(requests[index] as Request);
      expect(drain(queue)).toEqual(["r0", "r1", "r2", "r3"].filter((id) => id !== `r${index}`));
    },
  );
});

describe("FcfsQueue", () => {
  test("ignores priorities, and runs a prepended request next", () => {
    const requests = requestsOf(3, 1, 2);
    const queue = filled(new FcfsQueue(), requests.slice(0, 2));
    queue.prepend(requests[2] as Request);
    expect(drain(queue)).toEqual(["r2", "r0", "r1"]);
  });
});

describe("PriorityQueue", () => {
  test("orders by priority, then by arrival, including prepended requests", () => {
    const requests = requestsOf(2, 1, 2, 1, 0);
    const queue = filled(new PriorityQueue(), requests.slice(1));
    queue.prepend(requests[0] as Request);
    expect(drain(queue)).toEqual(["r4", "r1", "r3", "r0", "r2"]);
  });

  test("moves the replacement of a canceled request up if needed", () => {
    // In the heap's left branch, 10 is above 20 and 20 above 30. The last value, 7, replaces 30 and must
    // move above 10.
    const requests = requestsOf(0, 10, 1, 20, 21, 40, 3, 30, 31, 32, 33, 41, 42, 50, 7);
    const queue = filled(new PriorityQueue(), requests);
    queue.remove(requests[7] as Request);
    const order = [0, 2, 6, 14, 1, 3, 4, 8, 9, 10, 5, 11, 12, 13];
    expect(drain(queue)).toEqual(order.map((i) => `r${i}`));
  });

  test("runs requests in sorted order, no matter which are added and canceled", () => {
    const step = fc.record({ priority: fc.integer({ min: -2, max: 2 }), cancel: fc.nat(20) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const queue = new PriorityQueue();
        const model: Request[] = [];
        steps.forEach(({ priority, cancel }, i) => {
          const request = makeRequest(`r${i}`, 1, { priority });
          queue.add(request);
          model.push(request);
          model.sort((a, b) => (runsBefore(a, b) ? -1 : 1));
          const [cancelled] = cancel % 3 === 0 ? model.splice(cancel % model.length, 1) : [];
          if (cancelled !== undefined) expect(queue.remove(cancelled)).toBe(true);
          expect(queue.size).toBe(model.length);
          expect(queue.peek()).toBe(model[0] ?? null);
        });
        expect(drain(queue)).toEqual(model.map(({ requestId }) => requestId));
      }),
    );
  });
});
