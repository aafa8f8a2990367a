// The words that a script is called with: --help, and whatever is wrong with them, is answered before
// anything is done.

import { type ParseArgsConfig, parseArgs } from "node:util";
import { printErrorLine } from "../src/runtime/terminal.ts";

const USAGE_EXIT_CODE = 2;

/**
 * Ends the program for --help, with 0, and for words that are wrong, with one line and 2.
 * @param usage the command line and what it does
 */
export function scriptArguments<const C extends ParseArgsConfig>(usage: string, config: C) {
  if (process.argv.slice(2).some((word) => word === "--help" || word === "-h")) {
    console.log(usage);
    process.exit(0);
  }
  try {
    return parseArgs(config);
  } catch (error) {
    // Node's advice on how to give such a word nevertheless is of no use here.
    const text = error instanceof Error ? error.message : String(error);
    return refuseArguments(text.split(/[.\n]/)[0] ?? text);
  }
}

/** For what is wrong with a value. */
export function refuseArguments(message: string): never {
  printErrorLine(`error: ${message}; --help tells more`);
  process.exit(USAGE_EXIT_CODE);
}
