// One press that arrives several times is one press; a later one is a second.

import { describe, expect, test } from "bun:test";
import { StopPresses } from "../../src/runtime/stop-signals.ts";

function pressesAt(...timesMs: readonly number[]): string[] {
  const presses = new StopPresses();
  return timesMs.map((atMs) => presses.press(atMs));
}

describe("StopPresses", () => {
  test("the first signal drains, whatever the clock shows", () => {
    expect(pressesAt(0)).toEqual(["drain"]);
    expect(pressesAt(1e9)).toEqual(["drain"]);
  });

  test("what wrappers pass on within a second of the first asks for nothing more", () => {
    expect(pressesAt(5000, 5000, 5001, 5250, 5999)).toEqual([
      "drain",
      "echo",
      "echo",
      "echo",
      "echo",
    ]);
  });

  test("a signal a second after the first ends at once, echoes in between or not", () => {
    expect(pressesAt(5000, 6000)).toEqual(["drain", "now"]);
    expect(pressesAt(5000, 5900, 6000)).toEqual(["drain", "echo", "now"]);
    expect(pressesAt(5000, 60_000)).toEqual(["drain", "now"]);
  });
});
