// Parses a command line into a command to run or text to print, such as help or the options in
// effect.

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
      /** Words after the command. */
      readonly argv: readonly string[];
    };

export interface Program {
  readonly version: string;
  /** Screen width. */
  readonly columns: number;
}

/**
 * Range of line widths. Narrower terminals wrap lines themselves, and longer lines are hard to read.
 */
const MIN_COLUMNS = 60;
const MAX_COLUMNS = 100;

/**
 * @param sources option sources whose argv contains the words after the program's name
 * @throws ConfigError "unknown_command", and for --print-config, the same errors as parseOptions()
 */
export function readInvocation(sources: OptionSources, program: Program): Invocation {
  const { version } = program;
  const columns = Math.min(MAX_COLUMNS, Math.max(MIN_COLUMNS, program.columns));
  const [first, ...argv] = sources.argv;
  if (first === undefined) return { text: programHelp(columns) };
  // "--help serve" means "help serve".
  if (helpTopic(first) === null) return { text: helpText(argv, columns) };
  if (helpTopic(first) !== undefined) return { text: programHelp(columns) };
  if (VERSION_WORDS.includes(first)) return { text: version };
  if (first === "help") return { text: helpText(argv, columns) };
  const pair = sources.argv.slice(0, 2).join(" ");
  if (Object.hasOwn(COMMAND_HINTS, pair)) throw unknownCommand(pair);
  const found = findCommand(sources.argv);
  if (found === null) throw unknownCommand(first);
  const { command } = found;
  const text = informationText(command, { ...sources, argv: found.argv }, { version, columns });
  return text === null ? { command: command.name, argv: found.argv } : { text };
}

const VERSION_WORDS: readonly string[] = ["--version", "-v", "-V", "version"];

interface FoundCommand {
  readonly command: (typeof COMMANDS)[number];
  /** Words after the command's name. */
  readonly argv: readonly string[];
}

/** Finds a command by its own name or by its name in another program. */
function findCommand(argv: readonly string[]): FoundCommand | null {
  for (const command of COMMANDS) {
    const { name, otherNames = [] } = command as CommandSpec;
    // "bench serve" is matched before "bench", which would take "serve" as its first argument.
    for (const words of [...otherNames, name].map((text) => text.split(" "))) {
      const isNamed = words.every((word, i) => argv[i] === word);
      if (isNamed) return { command, argv: argv.slice(words.length) };
    }
  }
  return null;
}

/** Handles `help`, `help serve` and `help serve memory`. @throws ConfigError "unknown_command" */
function helpText(words: readonly string[], columns: number): string {
  const [first] = words;
  if (first === undefined || ["help", "--help", "-h", ...VERSION_WORDS].includes(first))
    return programHelp(columns);
  const found = findCommand(words);
  if (found === null) throw unknownCommand(first);
  return commandHelp(found.command, found.argv[0] ?? null, columns);
}

/**
 * @returns the text for --help, --help=topic, --version or --print-config; null if the command
 * should run
 */
function informationText(
  command: CommandSpec,
  sources: OptionSources,
  { version, columns }: Program,
): string | null {
  const { argv: all } = sources;
  const argv = all.includes("--") ? all.slice(0, all.indexOf("--")) : all;
  const topic = argv.map(helpTopic).find((found) => found !== undefined);
  if (topic !== undefined) return commandHelp(command, topic, columns);
  if (argv.includes("--version")) return version;
  if (!argv.includes("--print-config")) return null;
  const rest = all.filter((word) => word !== "--print-config");
  return configText(command, { ...sources, argv: rest });
}

/** @returns a help flag's topic; null for help without a topic, undefined for any other word */
function helpTopic(word: string): string | null | undefined {
  if (word !== "-h" && !/^--help(=|$)/.test(word)) return undefined;
  return word.split("=")[1] || null;
}

/** @returns a line of YAML for each option, with the source of its value */
function configText(command: CommandSpec, sources: OptionSources): string {
  const rows = resolveOptions(command, sources, () => {}).map(({ option, value, source }) => {
    // A value that means "none" is shown, since the placeholder would suggest that there is a key.
    const isShown = option.isSecret !== true || String(value ?? "") === "";
    const line = `${option.name}: ${JSON.stringify(isShown ? value : HIDDEN)}`;
    return `${line.padEnd(48)} # ${source}`;
  });
  return rows.join("\n");
}

const STOP_HINT = "stop a server with Ctrl-C or SIGTERM; `ps` shows its PID";
const SERVE_HINT = "`serve` starts the server";
const LIST_HINT = "`ls` lists the models on this machine";
const LOGIN_HINT = "set HF_TOKEN or run `hf auth login` for gated models on the hub";

const BENCH_HINT =
  "`bench` measures a running server; --max-concurrency 1 shows its latency, a higher one its throughput";

/** Hints about Pagoda's equivalents of other programs' commands, of one or two words. */
const COMMAND_HINTS: Readonly<Record<string, string>> = {
  ...{ "bench latency": BENCH_HINT, "bench throughput": BENCH_HINT },
  ...{ "bench startup": BENCH_HINT, "bench sweep": BENCH_HINT },
  ...{ stop: STOP_HINT, kill: STOP_HINT },
  create: "`serve model.gguf` serves a file directly",
  cp: "`serve MODEL --served-model-name NAME` serves a model under a different name",
  push: "use the Hugging Face hub's own client to upload models",
  ...{ start: SERVE_HINT, launch: SERVE_HINT, server: SERVE_HINT, up: SERVE_HINT },
  ...{ models: LIST_HINT, images: LIST_HINT, cache: LIST_HINT },
  ...{ login: LOGIN_HINT, signin: LOGIN_HINT },
  info: "`inspect` shows a model, `collect-env` the machine",
  logs: "a server writes its log to standard error",
  search: "search for models on the Hugging Face hub; `pull user/repo:quant` downloads one",
  update: "`pull` updates a model",
  generate: "`complete` completes a prompt, `chat -q` answers a message",
  "run-batch": "examples/batch.ts shows how to complete many prompts from a program",
  cli: "`chat` and `complete` can load a model in their own process",
};

function unknownCommand(word: string): ConfigError {
  return new ConfigError("unknown_command", unknownCommandText(word));
}

function unknownCommandText(word: string): string {
  if (word.trim() === "") return "the command is empty; --help lists all commands";
  const hint = COMMAND_HINTS[word.toLowerCase()];
  if (hint !== undefined) return `there is no command ${word}: ${hint}`;
  if (word.startsWith("-")) return `${word}: a command must come first, as in \`serve ${word}\``;
  if (/[/\\]|\.gguf$/.test(word)) return `unknown command ${word}; \`serve ${word}\` serves it`;
  const shown = (COMMANDS as readonly CommandSpec[]).filter(({ isHidden }) => isHidden !== true);
  const names = shown.map(({ name }) => name);
  const nearest = nearestName(word, names);
  const meant = nearest === null ? "; --help lists all commands" : `; did you mean ${nearest}?`;
  return `unknown command ${word}${meant}`;
}
