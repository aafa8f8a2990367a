// How the set-up speaks: a line for what it does, one clear line for what is missing.

import { printErrorLine } from "../src/runtime/terminal.ts";

/** A failure that the user can mend; printed as one line. */
export class SetupError extends Error {
  override readonly name = "SetupError";
}

let isQuiet = false;

/** With `quiet`, steps that have nothing to do say nothing. */
export function setQuiet(quiet: boolean): void {
  isQuiet = quiet;
}

export function say(line: string): void {
  printErrorLine(`setup: ${line}`);
}

export function sayUpToDate(what: string): void {
  if (!isQuiet) say(`${what}: up to date`);
}
