// Chat options: templates and parsers for the model's output. Part of the table in options.ts.

import { REASONING_PARSERS, TOOL_PARSERS } from "../protocol/message-parsing.ts";
import type { OptionSpec } from "./option-spec.ts";

/** vLLM parsers that leave reasoning in the content. */
export const REASONING_LEFT_AS_TEXT = ["identity", "minimax_m2_append_think"] as const;

export const CHAT_OPTIONS = [
  {
    name: "chat-template",
    group: "Model",
    kind: "string",
    completes: "file",
    fallback: "",
    help: "Jinja template, or its path, to use instead of the model's chat template.",
  },
  {
    name: "trust-request-chat-template",
    group: "Model",
    kind: "flag",
    fallback: false,
    help: "Accept the `chat_template` field in requests; without it, such requests are refused.",
  },
  {
    name: "chat-template-content-format",
    group: "Model",
    kind: "choice",
    choices: ["auto", "string", "openai"],
    fallback: "auto",
    help: "Format of message content for the template: a string, a list of parts (openai), or detected (auto).",
  },
  {
    name: "tool-call-parser",
    group: "Model",
    kind: "choice",
    choices: ["auto", "none", ...TOOL_PARSERS],
    fallback: "auto",
    help: "Format of the model's tool calls; auto = from its chat template, none = leave them as text.",
  },
  {
    name: "reasoning-parser",
    group: "Model",
    kind: "choice",
    choices: ["auto", "none", ...REASONING_LEFT_AS_TEXT, ...REASONING_PARSERS],
    fallback: "auto",
    help: "Format of the model's reasoning; auto = from its chat template, none = leave it as text.",
  },
  {
    name: "reasoning-budget",
    group: "Model",
    kind: "integer",
    fallback: -1,
    min: -1,
    unit: "tokens",
    help: "Maximum length of the reasoning in requests without `thinking_token_budget`; -1 = no limit.",
  },
  {
    name: "exclude-tools-when-tool-choice-none",
    group: "Model",
    kind: "flag",
    fallback: false,
    help: 'Omit tools from the prompts of requests with `tool_choice: "none"`.',
  },
  {
    name: "default-chat-template-kwargs",
    group: "Model",
    kind: "json",
    fallback: {},
    help: "Chat template variables for requests that do not set them.",
  },
] as const satisfies readonly OptionSpec[];
