// Waits for a time that an operator has chosen, which can be longer than any timer allows.

import { setTimeout as sleep } from "node:timers/promises";

/** Maximum delay of a timer, 24.8 days; a longer one would fire immediately. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Resolves with false after this time, or after 24.8 days if it is longer. Does not keep the process alive. */
export function graceOver(seconds: number): Promise<false> {
  return sleep(Math.min(seconds * 1000, LONGEST_TIMER_MS), false as const, { ref: false });
}
