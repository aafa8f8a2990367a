// Help texts from the tables: the commands, one command's options by group, one group, one option, or all
// that a word is in. Topics are those of vLLM's --help=.

import { COMMANDS, type CommandSpec, optionsOf } from "./commands.ts";
import { envName, OPTION_GROUPS, type OptionGroup, type OptionSpec } from "./option-spec.ts";

/** A screen. More than this is shown as names only, until --help=all. */
const MAX_LINES = 48;
const MAX_COLUMNS = 100;

const ABOUT = "Pagoda: vLLM's scheduler, paged KV cache, OpenAI API and metrics over GGUF models.";

/** All commands. */
export function programHelp(): string {
  const rows = (COMMANDS as readonly CommandSpec[])
    .filter(({ isHidden }) => isHidden !== true)
    .map((command) => `  ${usage(command).padEnd(28)} ${command.help}`);
  return [ABOUT, "", ...rows, "", "<command> --help tells more; --version tells the version."].join(
    "\n",
  );
}

/** @param topic null = the command; "all", "listgroup", a group, an option, or part of some */
export function commandHelp(command: CommandSpec, topic: string | null): string {
  const options = optionsOf(command);
  const groups = groupsOf(command);
  const word = topic?.toLowerCase().replaceAll("_", "-") ?? null;
  const examples = command.examples.map((example) => `  ${example}`);
  const head = [`${usage(command)} [options]`, command.help, "", ...examples, ""];
  if (word === null) return [...head, overview(groups, options), ...more(options)].join("\n");
  if (word === "all") return [...head, byGroup(groups, options, groupText)].join("\n");
  if (word === "listgroup") return groups.join("\n");
  const group = groups.find((name) => name.toLowerCase().replaceAll(" ", "-") === word);
  if (group !== undefined) return groupText(group, options);
  const option = options.find(({ name }) => name === word);
  return option === undefined ? searchText(word, options) : optionText(option);
}

function usage({ name, arguments: words }: CommandSpec): string {
  return [name, ...words.map((word) => `[${word}]`)].join(" ");
}

function overview(groups: readonly OptionGroup[], options: readonly OptionSpec[]): string {
  const text = byGroup(groups, options, groupText);
  return text.split("\n").length <= MAX_LINES ? text : byGroup(groups, options, groupNames);
}

function more(options: readonly OptionSpec[]): string[] {
  if (options.length === 0) return [];
  const hasFile = options.some(({ name }) => name === "config");
  const file = hasFile ? " and as a key of the --config file" : "";
  return [
    `Each option also as PAGODA_<NAME> in the environment${file}.`,
    "--help=<option>, --help=<group>, --help=<part of a name>, --help=all: more of them.",
    "--print-config: all values and where they come from.",
  ];
}

/** What only this command has comes first. */
function groupsOf(command: CommandSpec): OptionGroup[] {
  const named = optionsOf(command).map(({ group }) => group);
  const own = OPTION_GROUPS.filter(
    (group) => named.includes(group) && !command.groups.includes(group),
  );
  return [...own, ...command.groups];
}

type GroupText = (group: OptionGroup, options: readonly OptionSpec[]) => string;

function byGroup(
  groups: readonly OptionGroup[],
  options: readonly OptionSpec[],
  textOf: GroupText,
): string {
  return groups.map((group) => textOf(group, options)).join("\n");
}

function groupText(group: OptionGroup, options: readonly OptionSpec[]): string {
  const rows = options
    .filter((option) => option.group === group)
    .map((option) => `  --${option.name.padEnd(32)} ${option.help}`);
  return [`${group}:`, ...rows, ""].join("\n");
}

function groupNames(group: OptionGroup, options: readonly OptionSpec[]): string {
  const names = options.filter((option) => option.group === group).map(({ name }) => `--${name}`);
  const lines = [" "];
  for (const name of names) {
    const line = `${lines.pop()} ${name}`;
    lines.push(
      ...(line.length <= MAX_COLUMNS ? [line] : [line.slice(0, -name.length - 1), `  ${name}`]),
    );
  }
  return [`${group}:`, ...lines, ""].join("\n");
}

function searchText(word: string, options: readonly OptionSpec[]): string {
  const found = options.filter(
    ({ name, help }) => name.includes(word) || help.toLowerCase().includes(word),
  );
  if (found.length === 0) return `no option has "${word}" in it; --help=all lists them`;
  return found.map(optionText).join("\n");
}

function optionText(option: OptionSpec): string {
  const kind = option.choices?.join(" | ") ?? option.kind;
  return [
    `--${option.name} <${kind}>${option.short === undefined ? "" : `, -${option.short}`}`,
    `  ${option.help}`,
    `  default: ${defaultText(option)}`,
    `  environment: ${[envName(option), option.env].filter(Boolean).join(", ")}`,
    "",
  ].join("\n");
}

/** The default as a reader sees it, with its unit. */
export function defaultText(option: OptionSpec): string {
  const { fallback, kind, unit } = option;
  if (fallback === null) return kind === "string" ? "none" : "decided at start";
  if (typeof fallback === "object") return "none";
  return [String(fallback) || "none", unit].filter(Boolean).join(" ");
}
