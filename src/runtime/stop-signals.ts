// Decides when a process stops. One press of Ctrl-C, one `kill` of a group or one stop by a service manager can
// arrive several times: once from the system and once from each wrapper that forwards it.

import { constants } from "node:os";
import { forgetWrappers } from "./wrappers.ts";

const STOP_SIGNALS = ["SIGINT", "SIGTERM"] as const;

/**
 * Maximum time between signals from one press. Wrappers forward a signal within milliseconds, or later on a
 * loaded machine. A person who first reads the hint about a second press takes longer.
 */
export const ONE_PRESS_MS = 1000;

/** Meaning of a signal: "echo" = a repeat of the same press. */
export type Press = "drain" | "echo" | "now";

/** Distinguishes repeats of one press from a second press. Has no clock. */
export class StopPresses {
  #firstMs: number | null = null;

  press(atMs: number): Press {
    if (this.#firstMs === null) {
      this.#firstMs = atMs;
      return "drain";
    }
    return atMs - this.#firstMs < ONE_PRESS_MS ? "echo" : "now";
  }
}

/** Calls `handler` for SIGINT and SIGTERM, except for echoes. */
export function onStopSignal(handler: (press: "drain" | "now", signal: string) => void): void {
  const presses = new StopPresses();
  for (const signal of STOP_SIGNALS) {
    process.on(signal, () => {
      // Wrappers exit on the same press, some of them late. Their exit must not count as a second press.
      forgetWrappers();
      const press = presses.press(performance.now());
      if (press !== "echo") handler(press, signal);
    });
  }
}

/**
 * Makes stop signals exit the process immediately until the returned function is called. That is the default,
 * except for the first process in a container, for which the kernel has no default action.
 */
export function endOnStopSignal(): () => void {
  const end = (signal: (typeof STOP_SIGNALS)[number]) =>
    process.exit(128 + constants.signals[signal]);
  for (const signal of STOP_SIGNALS) process.on(signal, end);
  return () => {
    for (const signal of STOP_SIGNALS) process.off(signal, end);
  };
}
