// What a command line asks for: a text, like help or the options in effect, or a command.

import { ConfigError } from "../errors.ts";
import { COMMANDS, type CommandName, type CommandSpec } from "./commands.ts";
import { commandHelp, programHelp } from "./help.ts";
import { nearestName } from "./nearest-name.ts";
import { HIDDEN } from "./option-value.ts";
import { type OptionSources, resolveOptions } from "./parse-options.ts";

export type Invocation =
  | { readonly text: string }
  | {
      readonly command: CommandName;
      /** Words after it. */
      readonly argv: readonly string[];
    };

/**
 * @param sources argv are the words after the program's name
 * @throws ConfigError "unknown_command", and as parseOptions does for --print-config
 */
export function readInvocation(sources: OptionSources, version: string): Invocation {
  const [first, ...argv] = sources.argv;
  if (first === undefined || helpTopic(first) !== undefined) return { text: programHelp() };
  if (first === "--version") return { text: version };
  const command = COMMANDS.find(({ name }) => name === first);
  if (command === undefined) throw unknownCommand(first);
  const text = informationText(command, { ...sources, argv });
  return text === null ? { command: command.name, argv } : { text };
}

/** @returns the answer to --help, --help=topic or --print-config; null for the command itself */
function informationText(command: CommandSpec, sources: OptionSources): string | null {
  const { argv } = sources;
  const topic = argv.map(helpTopic).find((found) => found !== undefined);
  if (topic !== undefined) return commandHelp(command, topic);
  if (!argv.includes("--print-config")) return null;
  const rest = argv.filter((word) => word !== "--print-config");
  return configText(command, { ...sources, argv: rest });
}

/** @returns null for help without a topic, undefined when the word is something else */
function helpTopic(word: string): string | null | undefined {
  if (word !== "-h" && !/^--help(=|$)/.test(word)) return undefined;
  return word.split("=")[1] || null;
}

/** Every option as a line of YAML, with where its value comes from. */
function configText(command: CommandSpec, sources: OptionSources): string {
  const rows = resolveOptions(command, sources, () => {}).map(({ option, value, source }) => {
    const isShown = option.isSecret !== true || source === "default";
    const line = `${option.name}: ${JSON.stringify(isShown ? value : HIDDEN)}`;
    return `${line.padEnd(48)} # ${source}`;
  });
  return rows.join("\n");
}

function unknownCommand(word: string): ConfigError {
  return new ConfigError("unknown_command", unknownCommandText(word));
}

function unknownCommandText(word: string): string {
  if (word.startsWith("-")) return `${word}: name a command first, as in \`serve ${word}\``;
  if (/[/\\]|\.gguf$/.test(word)) return `unknown command ${word}; \`serve ${word}\` serves it`;
  const shown = (COMMANDS as readonly CommandSpec[]).filter(({ isHidden }) => isHidden !== true);
  const names = shown.map(({ name }) => name);
  const nearest = nearestName(word, names);
  const hint = nearest === null ? "; --help lists them" : `; did you mean ${nearest}?`;
  return `unknown command ${word}${hint}`;
}
