// Access options: API keys, host names and web origins. Part of the table in options.ts.

import type { OptionSpec } from "./option-spec.ts";

export const ACCESS_OPTIONS = [
  {
    name: "api-key",
    group: "Server",
    kind: "strings",
    fallback: [],
    env: "VLLM_API_KEY",
    isSecret: true,
    help: "API keys accepted as bearer tokens; client commands send the first. Can be repeated.",
  },
  {
    name: "api-key-scope",
    group: "Server",
    kind: "choice",
    choices: ["all", "vllm"],
    fallback: "all",
    help: "Routes that require a key: all = all except probes, /metrics and /docs, vllm = /v1 and operations.",
  },
  {
    name: "allowed-hosts",
    group: "Server",
    kind: "strings",
    fallback: [],
    help: "Host names to accept besides loopback names, such as *.example.com; * = any. Default: all, or none on loopback.",
  },
  {
    name: "allowed-origins",
    group: "Server",
    kind: "json-list",
    fallback: null,
    help: "Allowed CORS origins, as a JSON list. Default: all if a key is set, otherwise those of accepted hosts.",
  },
  {
    name: "allowed-methods",
    group: "Server",
    kind: "json-list",
    fallback: ["*"],
    help: "Allowed CORS methods, as a JSON list.",
  },
  {
    name: "allowed-headers",
    group: "Server",
    kind: "json-list",
    fallback: ["*"],
    help: "Allowed CORS request headers, as a JSON list.",
  },
  {
    name: "allow-credentials",
    group: "Server",
    kind: "flag",
    fallback: false,
    help: "Allow credentials such as cookies in CORS requests.",
  },
] as const satisfies readonly OptionSpec[];
