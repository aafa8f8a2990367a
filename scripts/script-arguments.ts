// The arguments of a script. --help and faulty arguments are answered before anything is done.

import { type ParseArgsConfig, parseArgs } from "node:util";
import { printErrorLine } from "../src/runtime/terminal.ts";

const USAGE_EXIT_CODE = 2;

/**
 * Ends the program with code 0 for --help, and with one line and code 2 for faulty arguments.
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
    // Node's advice on how to pass such an argument anyway does not help here.
    const text = error instanceof Error ? error.message : String(error);
    return refuseArguments(text.split(/[.\n]/)[0] ?? text);
  }
}

/** Refuses a faulty value. */
export function refuseArguments(message: string): never {
  printErrorLine(`error: ${message}; --help tells more`);
  process.exit(USAGE_EXIT_CODE);
}
