// LoRA adapters in the scheduler: how many run at once, which requests wait for them, and which adapters stay loaded.

import { describe, expect, test } from "bun:test";
import type { Request } from "../../src/request/request.ts";
import type { Scheduler } from "../../src/scheduler/scheduler.ts";
import { makeRequest, makeScheduler, step } from "../support/make-request.ts";

const adapter = (name: string) => ({ name, key: name, path: `/${name}` });

const makeTurns = (maxLoras: number, maxLoadedLoras = maxLoras, config = {}) =>
  makeScheduler({ adapterLimits: { maxLoras, maxLoadedLoras }, ...config });

/** A request for an adapter with a prompt that no other request shares. */
const requestFor = (id: string, name: string, options: Parameters<typeof makeRequest>[2] = {}) =>
  makeRequest(id, 4, { adapter: adapter(name), ...options });

/** Completes the loads that have begun. @returns the adapters and their slots */
function load(scheduler: Scheduler, invocationTokens: readonly number[] = []): string[] {
  return scheduler.adapters.takeLoads().map(({ adapter: { key }, slot }) => {
    scheduler.endAdapterLoad(key, invocationTokens);
    return `${key} in ${slot}`;
  });
}

/** Runs a step, completing loads before and after it. @returns the planned requests with their slots */
function loadedStep(scheduler: Scheduler): string[] {
  if (step(scheduler).scheduled.length > 0) throw new Error("nothing had to be loaded");
  load(scheduler);
  return idsOf(scheduler);
}

const idsOf = (scheduler: Scheduler) =>
  step(scheduler).scheduled.map(
    ({ request, adapterSlot }) => `${request.requestId}:${adapterSlot}`,
  );

const end = (scheduler: Scheduler, ...requests: Request[]) => {
  for (const request of requests) scheduler.finish(request, "FINISHED_ABORTED");
};

describe("requests with adapters", () => {
  test("wait until their adapter is loaded, while requests behind them run", () => {
    const scheduler = makeTurns(1);
    scheduler.add(requestFor("a", "x"));
    scheduler.add(makeRequest("base", 4));
    expect(idsOf(scheduler)).toEqual(["base:-1"]);
    expect(scheduler.takeStats()).toMatchObject({ numWaitingReqs: 1, numDeferredReqs: 1 });
    expect(load(scheduler)).toEqual(["x in 0"]);
    expect(idsOf(scheduler)).toEqual(["base:-1", "a:0"]);
    expect(scheduler.takeStats()).toMatchObject({ numWaitingReqs: 0, numDeferredReqs: 0 });
  });

  test("run with at most maxLoras adapters at once; requests for other adapters are deferred", () => {
    const scheduler = makeTurns(2);
    const [a, b, c] = ["x", "y", "z"].map((name, i) => requestFor("abc"[i] as string, name));
    for (const request of [a, b, c]) scheduler.add(request as Request);
    scheduler.add(makeRequest("base", 4));
    step(scheduler);
    load(scheduler);
    expect(idsOf(scheduler)).toEqual(["base:-1", "a:0", "b:1"]);
    expect(scheduler.takeStats().adapters).toEqual({ running: ["x", "y"], waiting: ["z"] });
    end(scheduler, a as Request);
    expect(idsOf(scheduler)).toEqual(["base:-1", "b:1"]);
    expect(load(scheduler)).toEqual(["z in 0"]);
    expect(idsOf(scheduler)).toEqual(["base:-1", "b:1", "c:0"]);
  });

  test("share a turn if they have the same adapter", () => {
    const scheduler = makeTurns(1);
    for (const id of ["a", "b", "c"]) scheduler.add(requestFor(id, "x"));
    expect(loadedStep(scheduler)).toEqual(["a:0", "b:0", "c:0"]);
    expect(scheduler.takeStats().adapters).toEqual({ running: ["x"], waiting: [] });
  });

  test("leave nothing in the statistics once all have ended", () => {
    const scheduler = makeTurns(1);
    const a = requestFor("a", "x");
    scheduler.add(a);
    loadedStep(scheduler);
    end(scheduler, a);
    expect(scheduler.takeStats().adapters).toEqual({ running: [], waiting: [] });
    expect(makeScheduler().takeStats().adapters).toBeNull();
  });

  test("keep their turn while their adapter is loaded, unless all of them are aborted", () => {
    const scheduler = makeTurns(1);
    const a = requestFor("a", "x");
    const b = requestFor("b", "y");
    scheduler.add(a);
    scheduler.add(b);
    step(scheduler);
    end(scheduler, a);
    expect(scheduler.hasWork).toBe(true);
    expect(step(scheduler).scheduled).toEqual([]);
    expect(scheduler.hasWork).toBe(false);
    expect(load(scheduler)).toEqual(["x in 0", "y in 1"]);
    expect(scheduler.adapters.takeUnloads()).toEqual([0]);
    expect(idsOf(scheduler)).toEqual(["b:1"]);
  });

  test("give their turn to others when they are preempted, and resume with their adapter", () => {
    const scheduler = makeTurns(1, 1, { numBlocks: 4, maxModelLen: 48 });
    const a = requestFor("a", "x");
    const b = requestFor("b", "y");
    scheduler.add(a);
    loadedStep(scheduler);
    scheduler.add(b);
    scheduler.preemptAll();
    expect(idsOf(scheduler)).toEqual(["a:0"]);
    expect(scheduler.takeStats().adapters).toEqual({ running: ["x"], waiting: ["y"] });
    scheduler.preemptAll();
    end(scheduler, a);
    step(scheduler);
    load(scheduler);
    expect(idsOf(scheduler)).toEqual(["b:0"]);
  });

  test("can fork immediately from a request with the same adapter", () => {
    const scheduler = makeTurns(1);
    const source = requestFor("a", "x");
    scheduler.add(source);
    scheduler.add(requestFor("a-1", "x", { forkOf: source }));
    expect(loadedStep(scheduler)).toEqual(["a:0"]);
    expect(idsOf(scheduler)).toEqual(["a:0", "a-1:0"]);
  });
});

describe("a request that waits for a turn", () => {
  /** Runs `numSteps` steps. In each one, a request for "x" arrives and another request ends. */
  function runStream(scheduler: Scheduler, waiting: Request, numSteps: number): number {
    let previous = requestFor("x-first", "x");
    scheduler.add(previous);
    loadedStep(scheduler);
    scheduler.add(waiting);
    for (let i = 0; i < numSteps; i++) {
      const next = requestFor(`x${i}`, "x", { priority: waiting.priority });
      scheduler.add(next);
      if (scheduler.hasWork) step(scheduler);
      load(scheduler);
      if (waiting.status === "RUNNING") return i;
      end(scheduler, previous);
      previous = next;
    }
    return numSteps;
  }

  test.each(["fcfs", "priority"] as const)(
    "gets one even if requests for a running adapter keep arriving (%s)",
    (policy) => {
      const scheduler = makeTurns(1, 2, { policy });
      const numSteps = runStream(scheduler, requestFor("y", "y"), 100);
      expect(numSteps).toBeGreaterThan(30);
      expect(numSteps).toBeLessThan(40);
    },
  );

  test("can be overtaken by more urgent requests", () => {
    const scheduler = makeTurns(1, 2, { policy: "priority" });
    const urgent = requestFor("y", "y", { priority: 1 });
    let previous = requestFor("x", "x");
    scheduler.add(previous);
    loadedStep(scheduler);
    scheduler.add(urgent);
    for (let i = 0; i < 50; i++) {
      const next = requestFor(`x${i}`, "x");
      scheduler.add(next);
      step(scheduler);
      end(scheduler, previous);
      previous = next;
    }
    expect(urgent.status).toBe("WAITING");
  });
});

describe("loaded adapters", () => {
  test("stay until another adapter needs a slot, and the least recently used adapter leaves first", () => {
    const scheduler = makeTurns(1, 2);
    const use = (name: string) => {
      const request = requestFor(name, name);
      scheduler.add(request);
      step(scheduler);
      const loads = load(scheduler);
      if (loads.length > 0) step(scheduler);
      expect(request.status).toBe("RUNNING");
      end(scheduler, request);
      return loads;
    };
    expect([..."xyxzxy"].map(use)).toEqual([
      ["x in 0"],
      ["y in 1"],
      [],
      ["z in 1"],
      [],
      ["y in 1"],
    ]);
  });

  test("can be loaded ahead of requests, and leave again if running requests use all adapters that can run", () => {
    const scheduler = makeTurns(1, 1);
    expect(scheduler.adapters.load(adapter("x"))).toBe("loading");
    expect(scheduler.adapters.load(adapter("x"))).toBe("loading");
    expect(load(scheduler)).toEqual(["x in 0"]);
    expect(scheduler.adapters.load(adapter("x"))).toBe("loaded");
    const a = requestFor("a", "x");
    scheduler.add(a);
    expect(idsOf(scheduler)).toEqual(["a:0"]);
    expect(scheduler.adapters.load(adapter("y"))).toBe("loading");
    expect(scheduler.adapters.load(adapter("z"))).toBe("full");
    expect(load(scheduler)).toEqual(["y in 1"]);
    expect(scheduler.adapters.takeUnloads()).toEqual([1]);
    expect(idsOf(scheduler)).toEqual(["a:0"]);
    end(scheduler, a);
    scheduler.adapters.load(adapter("y"));
    expect(load(scheduler)).toEqual(["y in 0"]);
  });

  test("are unloaded immediately if no request uses them, otherwise when the last one ends", () => {
    const scheduler = makeTurns(2);
    const a = requestFor("a", "x");
    scheduler.add(a);
    loadedStep(scheduler);
    scheduler.adapters.load(adapter("y"));
    load(scheduler);
    scheduler.adapters.remove("x");
    scheduler.adapters.remove("y");
    expect(scheduler.adapters.takeUnloads()).toEqual([1]);
    expect(idsOf(scheduler)).toEqual(["a:0"]);
    end(scheduler, a);
    expect(scheduler.adapters.takeUnloads()).toEqual([0]);
    expect(scheduler.adapters.takeUnloads()).toEqual([]);
  });

  test("are unloaded right after loading if they are removed during the load", () => {
    const scheduler = makeTurns(1);
    scheduler.adapters.load(adapter("x"));
    scheduler.adapters.remove("x");
    expect(scheduler.adapters.takeUnloads()).toEqual([]);
    load(scheduler);
    expect(scheduler.adapters.takeUnloads()).toEqual([0]);
  });

  test("do not unload a slot that has been given to another adapter", () => {
    const scheduler = makeTurns(1);
    scheduler.adapters.load(adapter("x"));
    load(scheduler);
    scheduler.adapters.remove("x");
    scheduler.adapters.load(adapter("y"));
    expect(scheduler.adapters.takeUnloads()).toEqual([]);
    expect(load(scheduler)).toEqual(["y in 0"]);
  });

  test("free their slot and turn if they cannot be loaded", () => {
    const scheduler = makeTurns(1);
    const a = requestFor("a", "x");
    const b = requestFor("b", "y");
    scheduler.add(a);
    scheduler.add(b);
    step(scheduler);
    expect(scheduler.adapters.takeLoads()).toHaveLength(1);
    scheduler.endAdapterLoad("x", null);
    scheduler.finish(a, "FINISHED_ERROR");
    step(scheduler);
    expect(load(scheduler)).toEqual(["y in 0"]);
    expect(idsOf(scheduler)).toEqual(["b:0"]);
  });

  test("apply from the last occurrence of their invocation tokens in the prompt", () => {
    const scheduler = makeTurns(1);
    const invoked = makeRequest("a", [5, 8, 9, 8, 9, 5], { adapter: adapter("x") });
    const plain = makeRequest("b", [5, 8, 5], { adapter: adapter("x") });
    scheduler.add(invoked);
    scheduler.add(plain);
    step(scheduler);
    load(scheduler, [8, 9]);
    step(scheduler);
    expect([invoked.adapterStart, plain.adapterStart]).toEqual([3, Number.POSITIVE_INFINITY]);
  });
});
