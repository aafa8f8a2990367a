// Generates docs/options.md and the man page docs/pagoda.1 from the command-line tables.

import { FAMILIAR_NAMES } from "../src/cli/familiar-names.ts";
import { defaultText, meaningOf } from "../src/cli/help.ts";
import { IGNORED_FLAGS } from "../src/cli/ignored-flags.ts";
import {
  envName,
  OPTION_GROUPS,
  type OptionGroup,
  type OptionSpec,
} from "../src/cli/option-spec.ts";
import { OPTIONS } from "../src/cli/options.ts";
import { UNBUILT_FLAGS } from "../src/cli/unbuilt-flags.ts";
import { Checkout } from "./checkout.ts";
import { manPage } from "./man-page.ts";
import { takersText } from "./option-takers.ts";
import { scriptArguments } from "./script-arguments.ts";

const HEAD = `# Options

Generated from the tables in \`src/cli/\` by \`bun scripts/generate-cli-docs.ts\`; a test fails if it is out of date. [cli.md](cli.md)
describes the commands.

The command line overrides the environment, the environment overrides the \`--config\` file, and the file overrides the defaults.
\`--print-config\` shows each value and its source. As in vLLM, \`_\` and \`-\` are equivalent, \`--no-x\` negates a flag, \`--x=v\` means
\`--x v\`, and lists accept several words or repeated flags (commas in the environment). Sizes accept k, m, g, t or KB, MB, ... (powers
of 1000) and K, M, G, T, Ki, Mi, ... or KiB, MiB, ... (powers of 1024), with fractions: 1.5GiB. Set a JSON option as a whole or key by
key: \`--x.key v\`. An empty environment variable counts as unset.
`;

const FAMILIAR_HEAD = `## Option names from llama.cpp and Ollama

Pagoda accepts these names as the option on the right. For other options of those programs, the error suggests an alternative.

| names | option |
|---|---|`;

const IGNORED_HEAD = `## vLLM flags with no effect

Pagoda accepts these flags with a warning, on the command line and in files, so command lines and files written for vLLM keep working.

| flag | reason |
|---|---|`;

const UNBUILT_HEAD = `## Refused vLLM flags

These flags enable features that Pagoda does not support yet. Unless the value leaves the feature off, startup
fails: with exit code 2 on the command line, in the environment and in files, and with \`unsupported_option\` in the library.

| flag | reason |
|---|---|`;

/** @returns the page, for `docs/options.md` */
export function optionsPage(): string {
  const ignored = IGNORED_FLAGS.map(({ name, short, reason }) => {
    const names = [`--${name}`, short].filter((one) => one !== null).map((one) => `\`${one}\``);
    return `| ${names.join(", ")} | ${reason} |`;
  });
  const unbuilt = UNBUILT_FLAGS.map(({ name, reason }) => `| \`--${name}\` | ${reason} |`);
  const taken = Object.entries(Object.groupBy(FAMILIAR_NAMES, ({ option }) => option));
  const familiar = taken.map(([option, names = []]) => {
    return `| ${names.map(({ name }) => `\`${name}\``).join(", ")} | \`--${option}\` |`;
  });
  return [
    HEAD,
    ...OPTION_GROUPS.map(groupTable),
    ...[FAMILIAR_HEAD, ...familiar, ""],
    ...[UNBUILT_HEAD, ...unbuilt, ""],
    ...[IGNORED_HEAD, ...ignored, ""],
  ].join("\n");
}

function groupTable(group: OptionGroup): string {
  const rows = (OPTIONS as readonly OptionSpec[])
    .filter((option) => option.group === group)
    .map(optionRow);
  const head = [
    `## ${group}`,
    "",
    takersText(group, (name) => `\`${name}\``),
    "",
    "| option | environment | value | default | meaning |",
    "|---|---|---|---|---|",
  ];
  return [...head, ...rows, ""].join("\n");
}

function optionRow(option: OptionSpec): string {
  const env = [envName(option), option.env].filter(Boolean).map((name) => `\`${name}\``);
  const cells = [
    `\`--${option.name}\``,
    env.join(", "),
    valueText(option),
    defaultText(option),
    meaningOf(option),
  ];
  return `| ${cells.join(" | ")} |`;
}

function valueText({ kind, choices, min, max, above }: OptionSpec): string {
  if (choices !== undefined) return choices.join(", ");
  if (above !== undefined) return `${kind} > ${above}${max === undefined ? "" : `, <= ${max}`}`;
  if (min === undefined) return kind;
  return max === undefined ? `${kind} >= ${min}` : `${kind} ${min} to ${max}`;
}

const USAGE = `bun scripts/generate-cli-docs.ts
Generate docs/options.md and docs/pagoda.1 from the command-line tables.`;

if (import.meta.main) {
  scriptArguments(USAGE, {});
  const checkout = new Checkout();
  await Bun.write(checkout.path("docs", "options.md"), optionsPage());
  await Bun.write(checkout.path("docs", "pagoda.1"), manPage());
}
