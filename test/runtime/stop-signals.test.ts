// Copies of a stop signal count once; a later signal counts as the second.

import { describe, expect, test } from "bun:test";
import { StopPresses } from "../../src/runtime/stop-signals.ts";

function pressesAt(...timesMs: readonly number[]): string[] {
  const presses = new StopPresses();
  return timesMs.map((atMs) => presses.press(atMs));
}

describe("StopPresses", () => {
  test("drains at the first signal, no matter when it arrives", () => {
    expect(pressesAt(0)).toEqual(["drain"]);
    expect(pressesAt(1e9)).toEqual(["drain"]);
  });

  test("ignores copies from wrappers within a second of the first signal", () => {
    expect(pressesAt(5000, 5000, 5001, 5250, 5999)).toEqual([
      "drain",
      "echo",
      "echo",
      "echo",
      "echo",
    ]);
  });

  test("stops immediately on a signal at least a second after the first, with or without copies in between", () => {
    expect(pressesAt(5000, 6000)).toEqual(["drain", "now"]);
    expect(pressesAt(5000, 5900, 6000)).toEqual(["drain", "echo", "now"]);
    expect(pressesAt(5000, 60_000)).toEqual(["drain", "now"]);
  });
});
