// The man page, in the man macros, from the tables of commands, options and exit codes.

import { version } from "../package.json";
import { COMMANDS, type CommandSpec } from "../src/cli/commands.ts";
import { EXIT_CODE_MEANINGS, EXIT_CODES } from "../src/cli/exit-codes.ts";
import { defaultText, meaningOf, valueText } from "../src/cli/help.ts";
import {
  envName,
  OPTION_GROUPS,
  type OptionGroup,
  type OptionSpec,
} from "../src/cli/option-spec.ts";
import { OPTIONS } from "../src/cli/options.ts";
import { takersText } from "./option-takers.ts";

const DESCRIPTION = `\
Pagoda serves GGUF models with vLLM's scheduler, paged KV cache, OpenAI API and Prometheus metrics.
.PP
Models are named by path, as user/repo:quant of the Hugging Face hub, or by URL.
Options may be given on the command line, as PAGODA_<NAME> in the environment, or as keys of the YAML file of
.BR \\-\\-config ;
the first of these wins.
As in vLLM, _ and \\- are equal in names, \\-\\-no\\-x negates a flag, \\-\\-x=v is \\-\\-x v, and \\-\\-x.key v sets a key of
an option that is JSON.
.B \\-\\-print\\-config
shows every value with its source.`;

const ENVIRONMENT: readonly (readonly [string, string])[] = [
  ["PAGODA_<NAME>", "The option of that name, in upper case with underscores."],
  ["PAGODA_CPU", "Forces lower kernels: avx512 (without BF16), avxvnni, avx2 or generic."],
  ["HF_HOME, HF_HUB_CACHE", "Where the hub's cache is."],
  ["HF_TOKEN, HF_TOKEN_PATH", "Token for private and gated models, or the file that holds it."],
  ["HF_ENDPOINT", "Address of the hub."],
  ["HF_HUB_OFFLINE", "1 = ask nothing of the network."],
  ["NO_COLOR", "Any text = no colours."],
];

const FILES: readonly (readonly [string, string])[] = [
  ["~/.cache/huggingface/hub", "Models of the hub, in the layout that its clients share."],
  ["~/.cache/pagoda/models", "Models of URLs."],
];

/** @returns the page, for `docs/pagoda.1` */
export function manPage(): string {
  const commands = (COMMANDS as readonly CommandSpec[]).filter(({ isHidden }) => isHidden !== true);
  return [
    `.\\" Made by scripts/generate-cli-docs.ts from the tables in src/cli.`,
    `.TH PAGODA 1 "" "pagoda ${version}" "User Commands"`,
    section("NAME", "pagoda \\- LLM inference server for GGUF models"),
    section("SYNOPSIS", ".B pagoda\n.I command\n.RI [ arguments ]\n.RI [ options ]"),
    section("DESCRIPTION", DESCRIPTION),
    section("COMMANDS", commands.map(commandEntry).join("\n")),
    ...OPTION_GROUPS.map(groupSection),
    section("EXIT STATUS", exitCodes()),
    section("ENVIRONMENT", ENVIRONMENT.map(([name, text]) => entry(name, roff(text))).join("\n")),
    section("FILES", FILES.map(([path, text]) => entry(path, roff(text))).join("\n")),
    section(
      "EXAMPLES",
      commands
        .flatMap(({ examples }) => examples)
        .map(example)
        .join("\n"),
    ),
    "",
  ].join("\n");
}

function section(title: string, text: string): string {
  return `.SH ${title}\n${text}`;
}

/** @param text in roff */
function entry(term: string, text: string): string {
  return `.TP\n.B ${roff(term)}\n${text}`;
}

function commandEntry(command: CommandSpec): string {
  const words = command.arguments.map((word) => `[${word}]`);
  const named = command.options.map((name) => `--${name}`);
  const taken = [...command.groups.map((group) => group.toLowerCase()), ...named];
  const options = taken.length === 0 ? "" : ` Options: ${taken.join(", ")}.`;
  return entry([command.name, ...words].join(" "), roff(command.help + options));
}

function groupSection(group: OptionGroup): string {
  const options = (OPTIONS as readonly OptionSpec[]).filter((option) => option.group === group);
  const title = `OPTIONS: ${group.toUpperCase()}`;
  const takers = roff(takersText(group, (name) => name));
  return section(`"${title}"`, [takers, ...options.map(optionEntry)].join("\n"));
}

function optionEntry(option: OptionSpec): string {
  const { name, kind } = option;
  const value = kind === "flag" ? "" : ` ${valueText(option)}`;
  const names = [envName(option), option.env].filter(Boolean).join(", ");
  const facts = `Default: ${defaultText(option)}. Environment: ${names}.`;
  return entry(`--${name}${value}`, `${roff(meaningOf(option))}\n${roff(facts)}`);
}

function exitCodes(): string {
  const names = Object.keys(EXIT_CODES) as (keyof typeof EXIT_CODES)[];
  return names
    .map((name) => entry(String(EXIT_CODES[name]), roff(EXIT_CODE_MEANINGS[name])))
    .join("\n");
}

/** What follows two spaces explains it. */
function example(text: string): string {
  const [words = "", explanation] = text.split(/ {2,}/);
  return `.TP\n.B pagoda ${roff(words)}\n${roff(explanation ?? "")}`.trimEnd();
}

/** Characters that roff prints as others, which a shell does not take, or that end a macro's argument. */
const AS_TYPED: Readonly<Record<string, string>> = {
  "\\": "\\e",
  "-": "\\-",
  "'": "\\(aq",
  '"': "\\(dq",
  "`": "\\(ga",
  "^": "\\(ha",
  "~": "\\(ti",
};

/** Escapes text for roff, which reads a dot at the start of a line as a macro. */
function roff(text: string): string {
  return text.replace(/[-\\'"`^~]/g, (typed) => AS_TYPED[typed] ?? typed).replace(/^\./, "\\&.");
}
