// What the command line can ask for instead of a server: help, the version, the options in effect.

import { helpText } from "./help.ts";
import { type OptionSources, resolveOptions } from "./parse-options.ts";

/**
 * @returns the answer to --help, --help=name, --version or --print-config; null for a server
 * @throws ConfigError as parseOptions does, for --print-config
 */
export function informationText(sources: OptionSources, version: string): string | null {
  const { argv } = sources;
  const help = argv.find((word) => word === "-h" || /^--help(=|$)/.test(word));
  if (help !== undefined) return helpText(help.split("=")[1] ?? null);
  if (argv.includes("--version")) return version;
  if (!argv.includes("--print-config")) return null;
  const rest = argv.filter((word) => word !== "--print-config");
  return configText({ ...sources, argv: rest });
}

/** Every option as a line of YAML, with where its value comes from. */
function configText(sources: OptionSources): string {
  const rows = resolveOptions(sources, () => {}).map(({ option, value, source }) => {
    const isShown = option.isSecret !== true || source === "default";
    const line = `${option.name}: ${isShown ? JSON.stringify(value) : '"(hidden)"'}`;
    return `${line.padEnd(48)} # ${source}`;
  });
  return rows.join("\n");
}
