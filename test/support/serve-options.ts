// Parses `serve` options from arguments, environment variables, and a config file, and collects the warnings.

import { parseOptions } from "../../src/cli/parse-options.ts";

/** Warnings from the last parse(). */
export const warnings: string[] = [];

export function parse(
  argv: string[],
  env: Record<string, string> = {},
  yaml: Record<string, unknown> = {},
) {
  warnings.length = 0;
  return parseOptions("serve", { argv, env, readYaml: () => yaml }, (line) => warnings.push(line));
}
