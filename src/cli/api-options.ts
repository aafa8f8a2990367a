// Options of the API: additional routes, and what answers contain.

import type { OptionSpec } from "./option-spec.ts";

export const API_OPTIONS = [
  {
    name: "enable-server-load-tracking",
    group: "Server",
    kind: "flag",
    fallback: false,
    help: "Count the requests in progress, for GET /load.",
  },
  {
    name: "enable-tokenizer-info-endpoint",
    group: "Server",
    kind: "flag",
    fallback: false,
    help: "Serve GET /tokenizer_info, which shows the tokenizer's settings and the chat template.",
  },
  {
    name: "enable-request-id-headers",
    group: "Server",
    kind: "flag",
    fallback: false,
    help: "Add X-Request-Id to every response: the request's own, or a random ID.",
  },
  {
    name: "enable-force-include-usage",
    group: "Server",
    kind: "flag",
    fallback: false,
    help: "End every stream with its usage, as if its request had asked for it.",
  },
  {
    name: "enable-prompt-tokens-details",
    group: "Server",
    kind: "flag",
    fallback: false,
    help: "Show cached prompt tokens in every usage; without it, only if there are any.",
  },
  {
    name: "return-tokens-as-token-ids",
    group: "Server",
    kind: "flag",
    fallback: false,
    help: "Name tokens in log-probabilities `token_id:N`, unless a request says otherwise.",
  },
  {
    name: "response-role",
    group: "Server",
    kind: "string",
    fallback: "assistant",
    help: "Role of a chat's answer if its request has add_generation_prompt (the default).",
  },
  {
    name: "stream-interval",
    group: "Server",
    kind: "integer",
    fallback: 1,
    min: 1,
    unit: "tokens",
    help: "Number of tokens per event of a stream; the first and last are not delayed.",
  },
] as const satisfies readonly OptionSpec[];
