// Builds help texts from the tables: all commands, one command's options by group, one group, one
// option, or all options that match a word. Topics match vLLM's --help=. Output is wrapped to the
// screen width.

import { COMMANDS, type CommandSpec, optionsOf } from "./commands.ts";
import { envName, OPTION_GROUPS, type OptionGroup, type OptionSpec } from "./option-spec.ts";
import { entryText, wrapped } from "./text-layout.ts";

const ABOUT = "Pagoda: vLLM's scheduler, paged KV cache, OpenAI API and metrics for GGUF models.";

/** Maximum width, in columns, of an option or example that shares a line with its text. */
const TERM_WIDTH = 26;

/** Lists all commands. @param columns screen width */
export function programHelp(columns: number): string {
  const shown = (COMMANDS as readonly CommandSpec[]).filter(({ isHidden }) => isHidden !== true);
  const rows = shown.map((command) => ({ term: usage(command), text: command.help }));
  const more =
    "Use help <command> or <command> --help to list its options, and --version to print the version.";
  return [
    ...wrapped(ABOUT, columns),
    "",
    ...rows.map((row) => entryText(row, { termWidth: 24, columns })),
    "",
    ...wrapped(more, columns),
  ].join("\n");
}

/**
 * @param topic null = the whole command; otherwise "all", "listgroup", a group, an option, or part
 * of an option's name
 * @param columns screen width
 */
export function commandHelp(command: CommandSpec, topic: string | null, columns: number): string {
  const options = optionsOf(command);
  const groups = groupsOf(command);
  const word = topic?.toLowerCase().replaceAll("_", "-") ?? null;
  if (word === null || word === "all") {
    const texts = groups.map((name) => groupText(name, options, columns));
    return [head(command, columns), ...texts, ...more(options, columns)].join("\n");
  }
  if (word === "listgroup") return groups.join("\n");
  const group = groups.find((name) => name.toLowerCase().replaceAll(" ", "-") === word);
  if (group !== undefined) return groupText(group, options, columns);
  const option = options.find(({ name }) => name === word);
  return option === undefined ? searchText(word, options, columns) : optionText(option, columns);
}

function head(command: CommandSpec, columns: number): string {
  const examples = command.examples.map((example) => {
    const [term = "", text = ""] = example.split(/ {2,}/);
    return { term, text };
  });
  const widths = examples.map(({ term, text }) => (text === "" ? 0 : term.length));
  const width = Math.min(TERM_WIDTH, Math.max(0, ...widths));
  return [
    `${usage(command)} [options]`,
    ...wrapped(command.help, columns),
    "",
    ...examples.map((example) => entryText(example, { termWidth: width, columns })),
    "",
  ].join("\n");
}

function usage({ name, arguments: words }: CommandSpec): string {
  return [name, ...words.map((word) => `[${word}]`)].join(" ");
}

function more(options: readonly OptionSpec[], columns: number): string[] {
  if (options.length === 0) return [];
  const hasFile = options.some(({ name }) => name === "config");
  const file = hasFile ? " or as a key of the --config file" : "";
  return [
    `Each option can also be set as PAGODA_<NAME> in the environment${file}.`,
    "Use --help=<group>, --help=<option> or --help=<word> to show only matching options.",
    "Use --print-config to show all values and their sources.",
  ].flatMap((line) => wrapped(line, columns));
}

/** @returns the groups to show, starting with the groups of the command's individual options */
function groupsOf(command: CommandSpec): OptionGroup[] {
  const named = optionsOf(command).map(({ group }) => group);
  const own = OPTION_GROUPS.filter(
    (group) => named.includes(group) && !command.groups.includes(group),
  );
  return [...own, ...command.groups];
}

function groupText(group: OptionGroup, options: readonly OptionSpec[], columns: number): string {
  const rows = options
    .filter((option) => option.group === group)
    .map((option) => ({ term: termOf(option), text: meaningOf(option) + factsOf(option) }));
  const layout = { termWidth: TERM_WIDTH, columns };
  return [`${group}:`, ...rows.map((row) => entryText(row, layout)), ""].join("\n");
}

/** "--port <number>", "-q, --quick <text>" */
function termOf(option: OptionSpec): string {
  const { name, short, kind } = option;
  const names = `${short === undefined ? "" : `-${short}, `}--${name}`;
  return kind === "flag" ? names : `${names} <${valueText(option)}>`;
}

/** Maximum number of choices to show; longer lists are in docs/options.md and in error messages. */
const MAX_CHOICES = 8;

/** Placeholder for an option's value. */
export function valueText({ kind, unit, choices, completes }: OptionSpec): string {
  if (choices !== undefined) return choices.length > MAX_CHOICES ? "name" : choices.join("|");
  if (kind === "strings") return `${completes ?? "text"} ...`;
  if (kind === "string") return completes ?? "text";
  if (unit !== undefined) return unit;
  return kind === "json-list" ? "JSON list" : kind === "json" ? "JSON" : KINDS[kind];
}

const KINDS: Readonly<Record<"integer" | "size" | "number" | "flag" | "choice" | "cpus", string>> =
  {
    integer: "number",
    size: "size",
    number: "number",
    flag: "flag",
    choice: "choice",
    cpus: "CPUs",
  };

/** @returns bounds and default, such as " (1 to 64; default: 16)"; "" if there are none */
function factsOf(option: OptionSpec): string {
  const { kind, fallback, name } = option;
  const isOn = kind === "flag" && fallback === true;
  const value = isOn
    ? `on; --no-${name} turns it off`
    : kind === "flag"
      ? null
      : ownDefault(option);
  const facts = [boundsText(option), value === null ? "" : `default: ${value}`].filter(Boolean);
  return facts.length === 0 ? "" : ` (${facts.join("; ")})`;
}

function boundsText({ min, max, above }: OptionSpec): string {
  if (above !== undefined) return `above ${above}${max === undefined ? "" : `, at most ${max}`}`;
  if (max !== undefined) return `${min ?? 0} to ${max}`;
  return min === undefined || min <= 1 ? "" : `at least ${min}`;
}

function searchText(word: string, options: readonly OptionSpec[], columns: number): string {
  const found = options.filter(
    ({ name, help }) => name.includes(word) || help.toLowerCase().includes(word),
  );
  if (found.length === 0) return `no option matches "${word}"; --help lists all options`;
  return found.map((option) => optionText(option, columns)).join("\n");
}

function optionText(option: OptionSpec, columns: number): string {
  const bounds = boundsText(option);
  return [
    termOf(option),
    ...wrapped(meaningOf(option), columns - 2).map((line) => `  ${line}`),
    ...(bounds === "" ? [] : [`  value: ${bounds}`]),
    `  default: ${defaultText(option)}`,
    `  environment: ${[envName(option), option.env].filter(Boolean).join(", ")}`,
    "",
  ].join("\n");
}

/** Last sentence of a help text, which explains the default. */
const DEFAULT_SENTENCE = / Default: (.+)\.$/;

/** @returns the help text without the default */
export function meaningOf({ help }: OptionSpec): string {
  return help.replace(DEFAULT_SENTENCE, "");
}

/** @returns null if neither the help text nor the table states a default */
function ownDefault({ fallback, help }: OptionSpec): string | null {
  const stated = DEFAULT_SENTENCE.exec(help)?.[1];
  if (stated !== undefined) return stated;
  if (Array.isArray(fallback)) return fallback.join(", ") || null;
  return fallback === null || typeof fallback === "object" ? null : String(fallback) || null;
}

/** @returns the default as shown to users, with its unit */
export function defaultText(option: OptionSpec): string {
  const { fallback, kind, unit } = option;
  const value = ownDefault(option);
  if (value === null) return fallback === null && kind !== "string" ? "chosen at startup" : "none";
  const isNumber = typeof fallback === "number";
  return isNumber && unit !== undefined ? `${value} ${unit}` : value;
}
