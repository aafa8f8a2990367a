// FreeBlockQueue: first in, first out, with removal from the middle.

import { describe, expect, test } from "bun:test";
import { FreeBlockQueue } from "../../src/kvcache/free-block-queue.ts";

function queueOf(numBlocks: number, ...ids: number[]): FreeBlockQueue {
  const queue = new FreeBlockQueue(numBlocks);
  for (const id of ids) queue.append(id);
  return queue;
}

describe("FreeBlockQueue", () => {
  test("starts empty", () => {
    const queue = queueOf(4);
    expect([...queue]).toEqual([]);
    expect(queue.size).toBe(0);
    expect(() => queue.shift()).toThrow("no free block");
  });

  test("returns IDs in the order they were added", () => {
    const queue = queueOf(4, 2, 0, 3);
    expect([queue.shift(), queue.shift(), queue.shift()]).toEqual([2, 0, 3]);
    expect(queue.size).toBe(0);
  });

  test.each([
    ["front", 3, [1, 2]],
    ["middle", 1, [3, 2]],
    ["back", 2, [3, 1]],
  ] as const)("can remove an ID from the %s", (_place, id, rest) => {
    const queue = queueOf(4, 3, 1, 2);
    queue.remove(id);
    expect([...queue]).toEqual([...rest]);
    expect(queue.has(id)).toBe(false);
    queue.append(id);
    expect([...queue]).toEqual([...rest, id]);
  });

  test("can be refilled after its last id was removed", () => {
    const queue = queueOf(2, 1);
    queue.remove(1);
    queue.append(0);
    queue.append(1);
    expect([...queue]).toEqual([0, 1]);
  });

  test("asserts on adding an ID twice and on removing a missing ID", () => {
    const queue = queueOf(4, 1);
    expect(() => queue.append(1)).toThrow("block 1 is already free");
    expect(() => queue.remove(2)).toThrow("block 2 is not free");
  });
});
