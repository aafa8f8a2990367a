// The table of commands, with their names, arguments, options and help. Dispatch, help, docs and shell completion are
// generated from it; the implementations are in src/commands/.

import type { OptionGroup, OptionSpec, ValueOf } from "./option-spec.ts";
import { OPTIONS, type Option } from "./options.ts";

export interface CommandSpec {
  readonly name: string;
  /** Names used by Ollama, vLLM and others, such as "bench serve", which are accepted but not listed. */
  readonly otherNames?: readonly string[];
  /** One-line description. */
  readonly help: string;
  /** Options that positional arguments set, in order; a list takes all remaining arguments. */
  readonly arguments: readonly string[];
  /** Groups of options that the command accepts. */
  readonly groups: readonly OptionGroup[];
  /** Options from other groups that the command accepts. */
  readonly options: readonly string[];
  /** Examples without the program's name; two spaces separate a command from its explanation. */
  readonly examples: readonly string[];
  /** Whether the command can start an engine; if so, a source checkout builds the addon first. */
  readonly needsEngine: boolean;
  /** Set for a command that is not listed because only the program itself runs it. */
  readonly isHidden?: true;
}

export const COMMANDS = [
  {
    name: "serve",
    help: "Start the server.",
    arguments: ["model"],
    groups: [
      "Model",
      "Memory",
      "Scheduling",
      "Hardware",
      "Server",
      "Metrics and logs",
      "Download",
      "Other",
    ],
    options: [],
    examples: [
      "serve  serve the default model on 127.0.0.1:8000",
      "serve model.gguf --max-model-len 4k",
      "serve user/repo:Q4_K_M --port 9000 --api-key secret",
    ],
    needsEngine: true,
  },
  {
    name: "chat",
    otherNames: ["run"],
    help: "Chat with a server, or with a model in this process.",
    arguments: ["model", "quick"],
    groups: ["Client", "Request", "Download", "Model", "Memory", "Scheduling", "Hardware", "Other"],
    options: ["system-prompt", "quick", "api-key"],
    examples: [
      "chat  chat with the local server, or with the default model",
      "chat user/repo:Q4_K_M  load a model in this process",
      "chat < questions.txt  answer each line",
      "chat --url http://host:8000 -q 'What is in it?' < file.txt",
    ],
    needsEngine: true,
  },
  {
    name: "complete",
    help: "Complete a prompt and print the text.",
    arguments: ["prompt"],
    groups: ["Client", "Request", "Download", "Model", "Memory", "Scheduling", "Hardware", "Other"],
    options: ["prompt", "api-key"],
    examples: [
      "complete 'The capital of France is' --max-tokens 5",
      "complete --model model.gguf - < prompt.txt",
    ],
    needsEngine: true,
  },
  {
    name: "pull",
    otherNames: ["download"],
    help: "Download a model, or update it.",
    arguments: ["model"],
    groups: ["Download"],
    options: ["model"],
    examples: ["pull Qwen/Qwen3-0.6B-GGUF:Q8_0", "pull https://example.com/model.gguf"],
    needsEngine: false,
  },
  {
    name: "ls",
    otherNames: ["list"],
    help: "List the models on this machine.",
    arguments: [],
    groups: ["Listing"],
    options: ["quiet"],
    examples: ["ls --json"],
    needsEngine: false,
  },
  {
    name: "ps",
    help: "List the servers running on this machine.",
    arguments: [],
    groups: ["Listing"],
    options: ["api-key"],
    examples: ["ps --json"],
    needsEngine: false,
  },
  {
    name: "rm",
    otherNames: ["remove", "delete"],
    help: "Remove models from this machine.",
    arguments: ["models"],
    groups: [],
    options: ["models", "yes"],
    examples: ["rm Qwen/Qwen3-0.6B-GGUF:Q8_0 --yes"],
    needsEngine: false,
  },
  {
    name: "inspect",
    otherNames: ["show"],
    help: "Show the contents of a GGUF file.",
    arguments: ["model"],
    groups: ["Download", "Listing"],
    options: ["model"],
    examples: ["inspect model.gguf --json"],
    needsEngine: false,
  },
  {
    name: "bench",
    otherNames: ["bench serve"],
    help: "Benchmark a running server.",
    arguments: [],
    groups: ["Client", "Load", "Listing"],
    options: ["api-key", "extra-body", "seed"],
    examples: [
      "bench  send 32 requests, 8 at a time, to 127.0.0.1:8000",
      "bench --url http://host:8000 --request-rate 4 --num-prompts 200",
    ],
    needsEngine: false,
  },
  {
    name: "doctor",
    help: "Check whether a server can run on this machine.",
    arguments: ["model"],
    groups: ["Listing", "Download", "Model", "Memory", "Scheduling", "Hardware", "Other"],
    options: ["host", "port"],
    examples: ["doctor user/repo:Q4_K_M"],
    needsEngine: true,
  },
  {
    name: "collect-env",
    help: "Print system details for a bug report, with secrets hidden.",
    arguments: [],
    groups: ["Listing"],
    options: [],
    examples: ["collect-env"],
    needsEngine: false,
  },
  {
    name: "completion",
    help: "Print a shell script that completes commands, options and models.",
    arguments: ["shell"],
    groups: [],
    options: ["shell"],
    examples: ["completion bash >> ~/.bashrc", "completion fish | source"],
    needsEngine: false,
  },
  {
    name: "engine",
    help: "Run the engine for a parent server process.",
    arguments: [],
    groups: [],
    options: [],
    examples: [],
    needsEngine: true,
    isHidden: true,
  },
] as const satisfies readonly CommandSpec[];

export type CommandName = (typeof COMMANDS)[number]["name"];

type Command<N extends CommandName> = Extract<(typeof COMMANDS)[number], { name: N }>;
type OptionOf<N extends CommandName> =
  | Extract<Option, { group: Command<N>["groups"][number] }>
  | Extract<Option, { name: Command<N>["options"][number] }>;

/** A command's validated options by name. */
export type CommandOptions<N extends CommandName> = {
  readonly [S in OptionOf<N> as S["name"]]: ValueOf<S>;
};
export type ServeOptions = CommandOptions<"serve">;

export function commandSpec(name: string): CommandSpec | undefined {
  return COMMANDS.find((command) => command.name === name);
}

/** @returns the options that the command accepts, in the table's order */
export function optionsOf(command: CommandSpec): OptionSpec[] {
  return (OPTIONS as readonly OptionSpec[]).filter(
    ({ name, group }) => command.groups.includes(group) || command.options.includes(name),
  );
}
