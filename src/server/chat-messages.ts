// A chat body as the template wants it: text parts of its messages joined, other parts refused.

import { RequestError } from "../errors.ts";
import type { ChatMessage, ChatTemplateRequest } from "../runner/tokenizer.ts";
import { isObject, type Json, type JsonObject } from "./fields.ts";
import type { ChatBody } from "./schemas.ts";

type TemplateFields =
  | "tools"
  | "add_generation_prompt"
  | "continue_final_message"
  | "chat_template_kwargs";

/** What a chat's prompt is rendered from. */
export function chatTemplateRequest(
  body: Pick<ChatBody, TemplateFields>,
  messages: readonly ChatMessage[],
): ChatTemplateRequest {
  return {
    messages,
    tools: body.tools,
    addGenerationPrompt: body.add_generation_prompt,
    continueFinalMessage: body.continue_final_message,
    templateKwargs: body.chat_template_kwargs ?? {},
  };
}

/** @throws RequestError "invalid_value" or "unsupported" */
export function chatMessages(messages: readonly JsonObject[]): ChatMessage[] {
  if (messages.length === 0) {
    throw new RequestError("invalid_value", "messages must not be empty");
  }
  return messages.map((message) => ({
    ...message,
    role: String(message["role"]),
    content: contentText(message["content"] ?? null),
  }));
}

function contentText(content: Json): string | null {
  if (content === null || typeof content === "string") return content;
  if (!Array.isArray(content)) {
    throw new RequestError("invalid_value", "message content must be text or a list of parts");
  }
  return content.map(partText).join("\n");
}

function partText(part: Json): string {
  if (typeof part === "string") return part;
  if (isObject(part) && typeof part["text"] === "string") return part["text"];
  const type = isObject(part) ? String(part["type"] ?? "unknown") : typeof part;
  throw new RequestError(
    "unsupported",
    `The served model is not a multimodal model: content parts of type '${type}' are not supported.`,
  );
}
