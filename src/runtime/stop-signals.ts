// When a process shall stop. One press of Ctrl-C, one `kill` of a group or one stop by a service manager
// arrives several times: once from the system and once from each wrapper that passes it on.

import { constants } from "node:os";
import { forgetWrappers } from "./wrappers.ts";

const STOP_SIGNALS = ["SIGINT", "SIGTERM"] as const;

/**
 * Wrappers pass a signal on within milliseconds, later on a loaded machine; a person who has read that a
 * second one stops the server at once takes longer.
 */
export const ONE_PRESS_MS = 1000;

/** What a signal asks for: "echo" = nothing that the first has not asked for. */
export type Press = "drain" | "echo" | "now";

/** Tells one press that arrives several times from a second one. Has no clock. */
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

/** Calls `handler` for SIGINT and SIGTERM, echoes left out. */
export function onStopSignal(handler: (press: "drain" | "now", signal: string) => void): void {
  const presses = new StopPresses();
  for (const signal of STOP_SIGNALS) {
    process.on(signal, () => {
      // The wrappers end by the same press, some of them late: that is not a second one.
      forgetWrappers();
      const press = presses.press(performance.now());
      if (press !== "echo") handler(press, signal);
    });
  }
}

/**
 * Until the returned function is called, a signal ends the process at once. So it does without, but for the
 * first process of a container, to which the kernel gives no default.
 */
export function endOnStopSignal(): () => void {
  const end = (signal: (typeof STOP_SIGNALS)[number]) =>
    process.exit(128 + constants.signals[signal]);
  for (const signal of STOP_SIGNALS) process.on(signal, end);
  return () => {
    for (const signal of STOP_SIGNALS) process.off(signal, end);
  };
}
