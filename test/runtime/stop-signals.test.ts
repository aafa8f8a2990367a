// A signal that arrives several times counts once; a later one counts as the second.

import { describe, expect, test } from "bun:test";
import { StopPresses } from "../../src/runtime/stop-signals.ts";

function pressesAt(...timesMs: readonly number[]): string[] {
  const presses = new StopPresses();
  return timesMs.map((atMs) => presses.press(atMs));
}

describe("StopPresses", () => {
  test("drains at the first signal, whatever the clock shows", () => {
    expect(pressesAt(0)).toEqual(["drain"]);
    expect(pressesAt(1e9)).toEqual(["drain"]);
  });

  test("ignores copies that wrappers pass on within a second of the first", () => {
    expect(pressesAt(5000, 5000, 5001, 5250, 5999)).toEqual([
      "drain",
      "echo",
      "echo",
      "echo",
      "echo",
    ]);
  });

  test("stops at once on a signal a second after the first, with or without copies in between", () => {
    expect(pressesAt(5000, 6000)).toEqual(["drain", "now"]);
    expect(pressesAt(5000, 5900, 6000)).toEqual(["drain", "echo", "now"]);
    expect(pressesAt(5000, 60_000)).toEqual(["drain", "now"]);
  });
});
