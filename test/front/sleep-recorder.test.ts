// Statistics of sleeps and wake-ups.

import { describe, expect, test } from "bun:test";
import { SleepRecorder } from "../../src/front/sleep-recorder.ts";
import type { SleepRecord } from "../../src/protocol/stats.ts";

function start() {
  const records: SleepRecord[] = [];
  let nowMs = 1000;
  const listener = { record: () => {}, recordSleep: (record: SleepRecord) => records.push(record) };
  const recorder = new SleepRecorder([listener, { record: () => {} }], () => nowMs);
  const after = async <T>(ms: number, value: T) => {
    nowMs += ms;
    return value;
  };
  return { records, recorder, after };
}

describe("SleepRecorder", () => {
  test.each([
    [0, null],
    [1, "weights_offloaded"],
    [2, "discard_all"],
  ] as const)("reports level %d as %p once the sleep is complete", async (level, state) => {
    const { records, recorder, after } = start();
    await recorder.sleep(() => after(500, level));
    await recorder.wakeUp(() => after(250, undefined));
    expect(records).toEqual([
      { operation: "sleep", numInFlight: 1, durationS: null, state: "awake" },
      { operation: "sleep", numInFlight: 0, durationS: 0.5, state },
      { operation: "wake", numInFlight: 1, durationS: null, state },
      { operation: "wake", numInFlight: 0, durationS: 0.25, state: "awake" },
    ]);
  });

  test("records a failed sleep's duration, without a state change", async () => {
    const { records, recorder } = start();
    await expect(recorder.sleep(() => Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect(records.at(-1)).toEqual({
      operation: "sleep",
      numInFlight: 0,
      durationS: 0,
      state: "awake",
    });
  });
});
