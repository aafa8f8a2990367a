// Blocked: requests that wait for a key until they are released in order or removed.

import { describe, expect, test } from "bun:test";
import { Blocked } from "../../src/scheduler/blocked.ts";
import { makeRequest } from "../support/make-request.ts";

describe("Blocked", () => {
  const request = (id: string) => makeRequest(id, 4);
  const source = request("source");
  const other = request("other");
  const a = request("a");
  const b = request("b");
  const c = request("c");

  test("releases only requests that wait for the key, in order", () => {
    const blocked = new Blocked();
    blocked.add(b, source);
    blocked.add(a, source);
    blocked.add(c, other);
    expect(blocked.size).toBe(3);
    expect(blocked.release(source)).toEqual([b, a]);
    expect(blocked.size).toBe(1);
    expect(blocked.release(source)).toEqual([]);
    expect(blocked.release(other)).toEqual([c]);
    expect(blocked.size).toBe(0);
  });

  test("removes a request only once", () => {
    const blocked = new Blocked();
    for (const child of [a, b, c]) blocked.add(child, source);
    expect(blocked.remove(b)).toBe(true);
    expect(blocked.remove(b)).toBe(false);
    expect(blocked.size).toBe(2);
    expect(blocked.release(source)).toEqual([a, c]);
    expect(blocked.remove(a)).toBe(false);
  });

  test("keeps no entry for a key whose last request was removed", () => {
    const blocked = new Blocked();
    blocked.add(a, source);
    blocked.remove(a);
    expect(blocked.size).toBe(0);
    expect(blocked.release(source)).toEqual([]);
    blocked.add(a, other);
    expect(blocked.release(other)).toEqual([a]);
  });

  test("asserts that a request waits for a single key", () => {
    const blocked = new Blocked();
    blocked.add(a, source);
    expect(() => blocked.add(a, other)).toThrow("a: is already blocked");
    expect(blocked.release(source)).toEqual([a]);
  });
});
