// Every command once: name, what its words mean, which options it takes, help. Dispatch, help, docs and
// completion are made from this table; what a command does is in src/commands/.

import type { OptionGroup, OptionSpec, ValueOf } from "./option-spec.ts";
import { OPTIONS, type Option } from "./options.ts";

export interface CommandSpec {
  readonly name: string;
  /** What Ollama, vLLM and others call it, in one or more words: accepted, but not listed. */
  readonly otherNames?: readonly string[];
  /** One line. */
  readonly help: string;
  /** Options that words without a dash fill, in this order; a list takes all that are left. */
  readonly arguments: readonly string[];
  /** Groups of options that it takes. */
  readonly groups: readonly OptionGroup[];
  /** Further options that it takes. */
  readonly options: readonly string[];
  /** Without the program's name; the text after two spaces explains the example. */
  readonly examples: readonly string[];
  /** It may start an engine in this process or a child: in a clone, the addon is built first. */
  readonly needsEngine: boolean;
  /** For the program itself: in no list. */
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
      "serve  the default model, on 127.0.0.1:8000",
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
      "chat  with the server on this machine, else with the default model",
      "chat user/repo:Q4_K_M  with a model in this process",
      "chat < questions.txt  an answer to each line",
      "chat --url http://host:8000 -q 'What is in it?' < file.txt",
    ],
    needsEngine: true,
  },
  {
    name: "complete",
    help: "Complete a prompt, to standard output.",
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
    help: "Download a model, or look for a newer one.",
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
    help: "Show what a GGUF file holds.",
    arguments: ["model"],
    groups: ["Download", "Listing"],
    options: ["model"],
    examples: ["inspect model.gguf --json"],
    needsEngine: false,
  },
  {
    name: "bench",
    otherNames: ["bench serve"],
    help: "Measure a running server under load.",
    arguments: [],
    groups: ["Client", "Load", "Listing"],
    options: ["api-key", "extra-body", "seed"],
    examples: [
      "bench  32 requests, 8 at a time, to 127.0.0.1:8000",
      "bench --url http://host:8000 --request-rate 4 --num-prompts 200",
    ],
    needsEngine: false,
  },
  {
    name: "doctor",
    help: "Check what a server needs here, and say what to do.",
    arguments: ["model"],
    groups: ["Listing", "Download", "Model", "Memory", "Scheduling", "Hardware", "Other"],
    options: ["host", "port"],
    examples: ["doctor user/repo:Q4_K_M"],
    needsEngine: true,
  },
  {
    name: "collect-env",
    help: "Print what a bug report needs, without secrets.",
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
    help: "Run the engine of a server that is its parent.",
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

/** A command's options by name, checked. */
export type CommandOptions<N extends CommandName> = {
  readonly [S in OptionOf<N> as S["name"]]: ValueOf<S>;
};
export type ServeOptions = CommandOptions<"serve">;

export function commandSpec(name: string): CommandSpec | undefined {
  return COMMANDS.find((command) => command.name === name);
}

/** In the table's order. */
export function optionsOf(command: CommandSpec): OptionSpec[] {
  return (OPTIONS as readonly OptionSpec[]).filter(
    ({ name, group }) => command.groups.includes(group) || command.options.includes(name),
  );
}
