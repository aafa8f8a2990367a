// Writes docs/options.md and the man page docs/pagoda.1 from the tables of the command line.

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

Made from the tables in \`src/cli/\` by \`bun scripts/generate-cli-docs.ts\`; a test fails when it is out of date. [cli.md](cli.md) tells
what the commands do.

The command line wins over the environment, that over the file of \`--config\`, that over the
defaults; \`--print-config\` shows each value and where it comes from. As in vLLM \`_\` and \`-\` are equal, \`--no-x\` negates a flag,
\`--x=v\` is \`--x v\`, and lists take several words or repeated flags (commas in the environment). Sizes take k, m, g, t or KB, MB, ... (powers of
1000) and K, M, G, T or Ki, Mi, ... or KiB, MiB, ... (powers of 1024), with a fraction: 1.5GiB. An option that is JSON is given whole, or key by key: \`--x.key v\`. An empty environment
variable counts as not set.
`;

const FAMILIAR_HEAD = `## Names of llama.cpp and Ollama

Taken as the option beside them. Other options of those programs are answered with what there is here.

| names | option |
|---|---|`;

const IGNORED_HEAD = `## Flags of vLLM without effect

Accepted with a warning, on the command line and in files, so that what was written for vLLM carries over.

| flag | why |
|---|---|`;

const UNBUILT_HEAD = `## Flags of vLLM that are refused

They switch on what is not built yet. On the command line, in the environment and in files they end the start with exit code 2, in the
library with \`unsupported_option\`, unless their value switches nothing on.

| flag | why |
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
Writes docs/options.md and docs/pagoda.1 from the tables of the command line.`;

if (import.meta.main) {
  scriptArguments(USAGE, {});
  const checkout = new Checkout();
  await Bun.write(checkout.path("docs", "options.md"), optionsPage());
  await Bun.write(checkout.path("docs", "pagoda.1"), manPage());
}
