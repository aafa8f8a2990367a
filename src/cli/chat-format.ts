// Determines the parsers for a model's output, from the options or from its chat template.

import { chatFormatOf } from "../formats/chat-format.ts";
import { readGgufHeader } from "../models/gguf-header.ts";
import type { ChatFormat, ReasoningParser, ToolParser } from "../protocol/message-parsing.ts";
import { REASONING_LEFT_AS_TEXT } from "./chat-options.ts";
import type { ServeOptions } from "./commands.ts";

type Options = Pick<ServeOptions, "tool-call-parser" | "reasoning-parser">;

/**
 * @param template Jinja template that replaces the model's; "" = the model's own
 * @returns the parsers, and whether the template never mentions tools, so the model would not see them
 * @throws ConfigError for the same reasons as readGgufHeader()
 */
export function templateFacts(
  options: Options,
  modelPath: string,
  template: string,
): TemplateFacts {
  const text = template === "" ? modelTemplates(modelPath) : template;
  const detected = chatFormatOf(text);
  const chatFormat = {
    toolParser: chosen<ToolParser>(options["tool-call-parser"], detected.toolParser),
    reasoningParser: chosen<ReasoningParser>(reasoningOption(options), detected.reasoningParser),
  };
  return { chatFormat, templateIgnoresTools: !/\btools\b/.test(text) };
}

interface TemplateFacts {
  readonly chatFormat: ChatFormat;
  readonly templateIgnoresTools: boolean;
}

function reasoningOption({ "reasoning-parser": name }: Options): ReasoningParser | "auto" | "none" {
  return isLeftAsText(name) ? "none" : name;
}

function isLeftAsText(name: string): name is (typeof REASONING_LEFT_AS_TEXT)[number] {
  return REASONING_LEFT_AS_TEXT.some((one) => one === name);
}

/** Format of message content for the template; null = the format that the template expects. */
export function contentFormat(
  options: Pick<ServeOptions, "chat-template-content-format">,
): "string" | "openai" | null {
  const format = options["chat-template-content-format"];
  return format === "auto" ? null : format;
}

function chosen<Parser>(option: Parser | "auto" | "none", detected: Parser | null): Parser | null {
  if (option === "auto") return detected;
  return option === "none" ? null : option;
}

/** Metadata keys of a model's templates. A model can have a separate template for conversations with tools. */
const TEMPLATES = ["tokenizer.chat_template.tool_use", "tokenizer.chat_template"];

function modelTemplates(path: string): string {
  const { metadata } = readGgufHeader(path);
  return TEMPLATES.map((name) => metadata.get(name) ?? "").join("\n");
}
