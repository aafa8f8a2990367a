// Options that say who is answered: keys, hosts, web pages. Part of the table in options.ts.

import type { OptionSpec } from "./option-spec.ts";

export const ACCESS_OPTIONS = [
  {
    name: "api-key",
    group: "Server",
    kind: "strings",
    fallback: [],
    env: "VLLM_API_KEY",
    isSecret: true,
    help: "Keys that are accepted as bearer token; a client sends the first. May be repeated.",
  },
  {
    name: "api-key-scope",
    group: "Server",
    kind: "choice",
    choices: ["all", "vllm"],
    fallback: "all",
    help: "What needs the key: all but probes and /metrics, or /v1 and operations as in vLLM.",
  },
  {
    name: "allowed-hosts",
    group: "Server",
    kind: "strings",
    fallback: [],
    help: "Further Host names answered to on loopback, or all of them elsewhere; * = any.",
  },
  {
    name: "allowed-origins",
    group: "Server",
    kind: "json-list",
    fallback: null,
    help: "Pages that may call, as a JSON list. Default: all; without a key, those of allowed hosts.",
  },
  {
    name: "allowed-methods",
    group: "Server",
    kind: "json-list",
    fallback: ["*"],
    help: "Methods that pages may use, as a JSON list.",
  },
  {
    name: "allowed-headers",
    group: "Server",
    kind: "json-list",
    fallback: ["*"],
    help: "Request headers that pages may send, as a JSON list.",
  },
  {
    name: "allow-credentials",
    group: "Server",
    kind: "flag",
    fallback: false,
    help: "Let pages send what the browser holds for this server, such as cookies.",
  },
] as const satisfies readonly OptionSpec[];
