// The options of the commands that are no server, as records of the options table.

import type { OptionSpec } from "./option-spec.ts";

export const COMMAND_OPTIONS = [
  {
    name: "offline",
    group: "Download",
    kind: "flag",
    fallback: false,
    help: "Use what is on this machine; ask nothing of the network. As HF_HUB_OFFLINE=1.",
  },
  {
    name: "revision",
    group: "Download",
    kind: "string",
    fallback: "main",
    help: "Branch, tag or commit of a repository of the hub.",
  },
  {
    name: "json",
    group: "Listing",
    kind: "flag",
    fallback: false,
    help: "As JSON, for programs.",
  },
  {
    name: "quiet",
    group: "Command",
    kind: "flag",
    fallback: false,
    help: "Names only.",
  },
  {
    name: "models",
    group: "Command",
    kind: "strings",
    fallback: [],
    help: "Names of models, as `ls` shows them, or their paths; also as arguments.",
  },
  {
    name: "yes",
    group: "Command",
    kind: "flag",
    fallback: false,
    help: "Do not ask before removing.",
  },
] as const satisfies readonly OptionSpec[];
