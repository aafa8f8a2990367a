// Stored responses: their owners, their time to live, and the store's size.

import { describe, expect, test } from "bun:test";
import { inputList, withId } from "../../../src/api/responses/input-list.ts";
import type { ResponseBody } from "../../../src/api/responses/response-body.ts";
import { ResponseStore, type StoredResponse } from "../../../src/api/responses/response-store.ts";

function makeStore(maxBytes = 10_000, ttlMs = 1000) {
  const clock = { nowMs: 0 };
  const store = new ResponseStore({ maxBytes, ttlMs, nowMs: () => clock.nowMs });
  return { clock, store };
}

const response = (id: string, text = ""): ResponseBody => ({
  ...{ id, status: "completed", output: [], text },
});

const stored = (id: string, extra: Partial<StoredResponse> = {}, text = ""): StoredResponse => ({
  ...{ owner: null, items: [], response: response(id, text), run: null },
  ...extra,
});

/** Counts how often a run was canceled. */
function fakeRun() {
  const seen = { numCancels: 0 };
  const run = { cancel: () => seen.numCancels++, eventsLength: 0 };
  return { seen, run: run as unknown as StoredResponse["run"] };
}

describe("ResponseStore", () => {
  test("returns a response only to the key that created it", () => {
    const { store } = makeStore();
    store.put(stored("a", { owner: 0 }));
    expect(store.get("a", 0)?.response.id).toBe("a");
    expect([store.get("a", 1), store.get("a", null), store.get("b", 0)]).toEqual([
      null,
      null,
      null,
    ]);
    expect(store.delete("a", 1)).toBe(false);
    expect([store.delete("a", 0), store.get("a", 0), store.delete("a", 0)]).toEqual([
      ...[true, null, false],
    ]);
  });

  test("distinguishes responses with the same ID but different keys", () => {
    const { store } = makeStore();
    store.put(stored("a", { owner: 0 }, "first"));
    store.put(stored("a", { owner: 1 }, "second"));
    expect(store.get("a", 0)?.response["text"]).toBe("first");
  });

  test("finds conversation and output items by ID, but only for the key that stored them", () => {
    const { store } = makeStore();
    const [asked, said] = [{ id: "m1" }, { id: "m2", type: "message" }];
    const output = { ...response("a"), output: [said] };
    store.put(stored("a", { owner: 0, items: [asked, { role: "user" }], response: output }));
    store.put(stored("b", { owner: 1, items: [{ id: "m1", role: "other" }] }));
    const found = store.itemsOf(["m1", "m2", "m3"], 0);
    expect([...found]).toEqual([
      ["m1", asked],
      ["m2", said],
    ]);
    expect(store.itemsOf(["m1"], null).size).toBe(0);
  });

  test("removes a response when its time to live expires", () => {
    const { store, clock } = makeStore();
    store.put(stored("a"));
    clock.nowMs = 600;
    store.put(stored("b"));
    clock.nowMs = 1000;
    expect([store.get("a", null), store.get("b", null)?.response.id]).toEqual([null, "b"]);
    expect(store.size).toBe(1);
  });

  test("makes space by removing the oldest responses, no matter how many there are", () => {
    const { store } = makeStore(20_000);
    for (let i = 0; i < 10_000; i++) store.put(stored(`r${i}`, {}, "x".repeat(100)));
    expect(store.size).toBeLessThan(100);
    expect(store.get("r9999", null)).not.toBeNull();
    expect(store.get("r0", null)).toBeNull();
  });

  test("does not store a response that is larger than the store", () => {
    const { store } = makeStore(1000);
    store.put(stored("a"));
    store.put(stored("b", {}, "x".repeat(1000)));
    expect([store.get("b", null), store.get("a", null)?.response.id]).toEqual([null, "a"]);
  });

  test("frees the space used by a response that is replaced or deleted", () => {
    const { store } = makeStore(1000);
    for (let i = 0; i < 5; i++) store.put(stored("a", {}, "x".repeat(200)));
    store.delete("a", null);
    store.put(stored("b", {}, "x".repeat(300)));
    store.put(stored("c"));
    expect(store.size).toBe(2);
  });

  test("cancels a run whose response nobody can read anymore", () => {
    const { store, clock } = makeStore(1000);
    const [expired, deleted, large] = [fakeRun(), fakeRun(), fakeRun()];
    store.put(stored("a", { run: expired.run }));
    clock.nowMs = 2000;
    store.put(stored("b", { run: deleted.run }));
    store.delete("b", null);
    store.put(stored("c", { run: large.run }, "x".repeat(1000)));
    expect([expired, deleted, large].map(({ seen }) => seen.numCancels)).toEqual([1, 1, 1]);
  });

  test("stores nothing if its size is 0", () => {
    const { store } = makeStore(0);
    store.put(stored("a"));
    expect([store.isEnabled, store.size]).toEqual([false, 0]);
  });
});

describe("the list of input items", () => {
  const items = ["a", "b", "c"].map((id) => ({ id, type: "message" }));
  const list = (query: string) => inputList(items, new URLSearchParams(query));

  test("is paginated, newest first by default", () => {
    expect(list("limit=2")).toEqual({
      object: "list",
      data: [items[2], items[1]],
      first_id: "c",
      last_id: "b",
      has_more: true,
    });
    expect(list("limit=2&after=b")).toMatchObject({ data: [items[0]], has_more: false });
    expect(list("order=asc")).toMatchObject({ data: items, first_id: "a", last_id: "c" });
    expect(list("after=a")).toMatchObject({ data: [], first_id: null, last_id: null });
  });

  test.each([
    ["limit=0", "limit must be an integer in [1, 100]"],
    ["limit=x", "limit must be"],
    ["order=up", "order must be asc or desc"],
    ["after=z", "No input item has the id"],
  ])("rejects %s", (query, message) => {
    expect(() => list(query)).toThrow(message);
  });

  test("gives an ID to an item without one", () => {
    expect(withId({ role: "user" })).toEqual({
      ...{ role: "user", type: "message", id: expect.stringMatching(/^msg_[0-9a-f]{16}$/) },
    });
    expect(withId({ id: "x", type: "y" })).toEqual({ id: "x", type: "y" });
  });
});
