// Options of chats: template, parsers of the answers.

import { REASONING_PARSERS, TOOL_PARSERS } from "../protocol/message-parsing.ts";
import type { OptionSpec } from "./option-spec.ts";

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
    name: "tool-call-parser",
    group: "Model",
    kind: "choice",
    choices: ["auto", "none", ...TOOL_PARSERS],
    fallback: "auto",
    help: "Format of the model's tool calls; auto = by its chat template, none = calls stay text.",
  },
  {
    name: "reasoning-parser",
    group: "Model",
    kind: "choice",
    choices: ["auto", "none", ...REASONING_PARSERS],
    fallback: "auto",
    help: "Format of the model's reasoning; auto = by its chat template, none = it stays text.",
  },
  {
    name: "exclude-tools-when-tool-choice-none",
    group: "Model",
    kind: "flag",
    fallback: false,
    help: 'Leave tools out of the prompt of requests with `tool_choice: "none"`.',
  },
  {
    name: "default-chat-template-kwargs",
    group: "Model",
    kind: "json",
    fallback: {},
    help: "Variables of the chat template for requests that do not set them.",
  },
] as const satisfies readonly OptionSpec[];
