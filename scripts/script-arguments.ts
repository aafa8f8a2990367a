// Parses a script's arguments. --help and invalid arguments are handled before anything is done.

import { type ParseArgsConfig, parseArgs } from "node:util";
import { printErrorLine } from "../src/runtime/terminal.ts";

const USAGE_EXIT_CODE = 2;

/**
 * For --help, exits with code 0. For invalid arguments, prints an error and exits with code 2.
 * @param usage the command line and its description
 */
export function scriptArguments<const C extends ParseArgsConfig>(usage: string, config: C) {
  if (process.argv.slice(2).some((word) => word === "--help" || word === "-h")) {
    console.log(usage);
    process.exit(0);
  }
  try {
    return parseArgs(config);
  } catch (error) {
    // Drops Node's advice on how to pass such an argument anyway.
    const text = error instanceof Error ? error.message : String(error);
    return refuseArguments(text.split(/[.\n]/)[0] ?? text);
  }
}

/** Exits with code 2 because of invalid arguments. */
export function refuseArguments(message: string): never {
  printErrorLine(`error: ${message}; see --help`);
  process.exit(USAGE_EXIT_CODE);
}
