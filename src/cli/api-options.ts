// API options: additional routes and the contents of responses. Part of the table in options.ts.

import { LOGPROBS_MODES } from "../request/logprobs.ts";
import type { OptionSpec } from "./option-spec.ts";

export const API_OPTIONS = [
  {
    name: "disable-fastapi-docs",
    group: "Server",
    kind: "flag",
    fallback: false,
    help: "Turn off GET /openapi.json and GET /docs.",
  },
  {
    name: "enable-server-load-tracking",
    group: "Server",
    kind: "flag",
    fallback: false,
    help: "Count the requests in progress, and report the number at GET /load.",
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
    help: "Add an X-Request-Id header to every response, with the request's own ID or a random one.",
  },
  {
    name: "enable-force-include-usage",
    group: "Server",
    kind: "flag",
    fallback: false,
    help: "End every stream with usage data, even if the request did not ask for it.",
  },
  {
    name: "enable-prompt-tokens-details",
    group: "Server",
    kind: "flag",
    fallback: false,
    help: "Always report cached prompt tokens in usage; by default, only if there are any.",
  },
  {
    name: "enable-timings",
    group: "Server",
    kind: "flag",
    fallback: false,
    help: "Add `timings` to responses, as llama-server does: token counts and times for prompt and output.",
  },
  {
    name: "return-tokens-as-token-ids",
    group: "Server",
    kind: "flag",
    fallback: false,
    help: "Show tokens in log-probabilities as `token_id:N`, unless a request overrides it.",
  },
  {
    name: "response-role",
    group: "Server",
    kind: "string",
    fallback: "assistant",
    help: "Role of chat responses to requests with add_generation_prompt (the default).",
  },
  {
    name: "stream-interval",
    group: "Server",
    kind: "integer",
    fallback: 1,
    min: 1,
    unit: "tokens",
    help: "Number of tokens per streamed event; the first and last events are not delayed.",
  },
  {
    name: "logprobs-mode",
    group: "Server",
    kind: "choice",
    choices: LOGPROBS_MODES,
    fallback: "raw_logprobs",
    help: "What logprobs report: probabilities or logits, before or after sampling parameters.",
  },
] as const satisfies readonly OptionSpec[];
