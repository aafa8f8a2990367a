// Writes docs/options.md from the options table.

import { defaultText } from "../src/cli/help.ts";
import { IGNORED_FLAGS } from "../src/cli/ignored-flags.ts";
import { envName, type OptionGroup, type OptionSpec } from "../src/cli/option-spec.ts";
import { OPTIONS } from "../src/cli/options.ts";
import { Checkout } from "./checkout.ts";

const HEAD = `# Options

Made from the table in \`src/cli/options.ts\` by \`bun scripts/generate-options-docs.ts\`; a test fails when it is out of date.

\`bun run serve [model] [options]\`. The command line wins over the environment, that over the file of \`--config\`, that over the
defaults; \`--print-config\` shows each value and where it comes from. As in vLLM \`_\` and \`-\` are equal, \`--no-x\` negates a flag,
\`--x=v\` is \`--x v\`, and lists take several words or repeated flags (commas in the environment). Sizes take k, m, g (powers of 1000)
and K, M, G (powers of 1024). An empty environment variable counts as not set.
`;

const IGNORED_HEAD = `## Flags of vLLM without effect

Accepted with a warning, on the command line and in files, so that what was written for vLLM carries over.

| flag | why |
|---|---|`;

/** @returns the page, for `docs/options.md` */
export function optionsPage(): string {
  const groups = [...new Set(OPTIONS.map(({ group }) => group))];
  const ignored = IGNORED_FLAGS.map(({ name, reason }) => `| \`--${name}\` | ${reason} |`);
  return [HEAD, ...groups.map(groupTable), IGNORED_HEAD, ...ignored, ""].join("\n");
}

function groupTable(group: OptionGroup): string {
  const rows = (OPTIONS as readonly OptionSpec[])
    .filter((option) => option.group === group)
    .map(optionRow);
  const head = [
    `## ${group}`,
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
    option.help,
  ];
  return `| ${cells.join(" | ")} |`;
}

function valueText({ kind, choices, min, max, above }: OptionSpec): string {
  if (choices !== undefined) return choices.join(", ");
  if (above !== undefined) return `${kind} > ${above}${max === undefined ? "" : `, <= ${max}`}`;
  if (min === undefined) return kind;
  return max === undefined ? `${kind} >= ${min}` : `${kind} ${min} to ${max}`;
}

if (import.meta.main) await Bun.write(new Checkout().path("docs", "options.md"), optionsPage());
