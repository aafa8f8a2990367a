// Work between steps: in order, when it is ready, and never left unsettled.

import { describe, expect, test } from "bun:test";
import { StepGap } from "../../src/engine/step-gap.ts";

describe("StepGap", () => {
  test("runs jobs in the order of their calls and settles as they do", async () => {
    let numQueued = 0;
    const gap = new StepGap(() => numQueued++);
    const done: string[] = [];
    const first = gap.queue(async () => done.push("first"));
    const failing = gap.queue(() => Promise.reject(new Error("no")));
    expect([numQueued, gap.isReady, done]).toEqual([2, true, []]);
    await gap.runNext();
    await gap.runNext();
    expect(await first).toBe(1);
    expect(failing).rejects.toThrow("no");
    expect(gap.isReady).toBe(false);
    await gap.runNext();
  });

  test("a job that is not ready holds those behind it", async () => {
    const gap = new StepGap(() => {});
    let isReady = false;
    void gap.queue(
      async () => {},
      () => isReady,
    );
    void gap.queue(async () => {});
    expect(gap.isReady).toBe(false);
    isReady = true;
    expect(gap.isReady).toBe(true);
  });

  test("what waits when it closes rejects, and so does what comes", async () => {
    const gap = new StepGap(() => {});
    const waiting = gap.queue(async () => 1);
    gap.close(new Error("over"));
    expect(waiting).rejects.toThrow("over");
    expect(gap.queue(async () => 1)).rejects.toThrow("over");
    expect(gap.isReady).toBe(false);
  });
});
