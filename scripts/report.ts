// The setup's output: one line for each step, and one line for a failure.

import { printErrorLine } from "../src/runtime/terminal.ts";

/** A failure that the user can fix; printed as one line. */
export class SetupError extends Error {
  override readonly name = "SetupError";
}

let isQuiet = false;

/** If `quiet` is true, steps that have nothing to do print nothing. */
export function setQuiet(quiet: boolean): void {
  isQuiet = quiet;
}

export function say(line: string): void {
  printErrorLine(`setup: ${line}`);
}

export function sayUpToDate(what: string): void {
  if (!isQuiet) say(`${what}: up to date`);
}
