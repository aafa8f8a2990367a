// A residency sampler with a manual clock and injectable random numbers.

import { BlockResidency } from "../../src/kvcache/block-residency.ts";

/** Samples every allocation by default. */
export function makeResidency(sampleRate = 1, random: () => number = () => 0.5) {
  const clock = { nowS: 0 };
  const residency = new BlockResidency({ sampleRate, random, nowS: () => clock.nowS });
  /** Runs `action` at clock time `nowS`. */
  const at = <T>(nowS: number, action: () => T): T => {
    clock.nowS = nowS;
    return action();
  };
  return { residency, at };
}
