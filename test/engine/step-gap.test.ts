// Jobs that run between steps: in order, once ready, and always settled.

import { describe, expect, test } from "bun:test";
import { StepGap } from "../../src/engine/step-gap.ts";

/** Runs all jobs that are ready. */
async function runAll(gap: StepGap): Promise<void> {
  while (await gap.prepareNext()) await gap.runNext();
}

/** Error message of a promise that rejects. */
const messageOf = (promise: Promise<unknown>) =>
  promise.then(
    () => "none",
    (error: Error) => error.message,
  );

describe("StepGap", () => {
  test("runs jobs in the order they were queued and settles with their results", async () => {
    let numQueued = 0;
    const gap = new StepGap(() => numQueued++);
    const done: string[] = [];
    const first = gap.queue(async () => done.push("first"));
    const failing = gap.queue(() => Promise.reject(new Error("no")));
    expect([numQueued, gap.isEmpty, done]).toEqual([2, false, []]);
    const failure = messageOf(failing);
    await runAll(gap);
    expect(await first).toBe(1);
    expect(await failure).toBe("no");
    expect([await gap.prepareNext(), gap.isEmpty]).toEqual([false, true]);
  });

  test("keeps jobs waiting behind one that is not ready", async () => {
    const gap = new StepGap(() => {});
    let isReady = false;
    void gap.queue(async () => {}, { begin: async () => {}, isReady: () => isReady });
    void gap.queue(async () => {});
    expect(await gap.prepareNext()).toBe(false);
    isReady = true;
    expect(await gap.prepareNext()).toBe(true);
  });

  test("begins a job immediately, or after the previous job finishes", async () => {
    const gap = new StepGap(() => {});
    const log: string[] = [];
    const queue = (name: string) =>
      gap.queue(async () => log.push(`${name} runs`), {
        begin: async () => void log.push(`${name} begins`),
        isReady: () => true,
      });
    void queue("a");
    void queue("b");
    expect(log).toEqual(["a begins"]);
    await runAll(gap);
    expect(log).toEqual(["a begins", "a runs", "b begins", "b runs"]);
  });

  test("rejects and skips a job that fails to begin", async () => {
    const gap = new StepGap(() => {});
    const refused = gap.queue(async () => 1, {
      begin: () => Promise.reject(new Error("cannot")),
      isReady: () => true,
    });
    const next = gap.queue(async () => 2);
    const refusal = messageOf(refused);
    await runAll(gap);
    expect(await refusal).toBe("cannot");
    expect(await next).toBe(2);
  });

  test("rejects queued and later jobs once closed", async () => {
    const gap = new StepGap(() => {});
    const waiting = gap.queue(async () => 1);
    gap.close(new Error("over"));
    await expect(waiting).rejects.toThrow("over");
    await expect(gap.queue(async () => 1)).rejects.toThrow("over");
    expect(gap.isEmpty).toBe(true);
  });
});
