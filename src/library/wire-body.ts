// From the library's options to the bodies of the HTTP API, so that both are checked by the same code.

import { type JsonObject, parseBody } from "../api/fields.ts";
import {
  CHAT_FIELDS,
  type ChatBody,
  COMPLETION_FIELDS,
  type CompletionBody,
} from "../api/schemas.ts";
import type { ChatOptions, GenerateOptions, Message, Prompt } from "./options.ts";

/** @throws RequestError "invalid_schema" */
export function chatBody(messages: readonly Message[], options: ChatOptions): ChatBody {
  const { logprobs } = options;
  const fields = { ...wireFields(options), messages };
  const reported = logprobs === undefined ? {} : { logprobs: true, top_logprobs: logprobs };
  return parseBody(CHAT_FIELDS, { ...fields, ...reported } as unknown as JsonObject);
}

/** @throws RequestError "invalid_schema" */
export function completionBody(prompt: Prompt, options: GenerateOptions): CompletionBody {
  const plain = typeof prompt === "string" ? prompt : [...prompt];
  return parseBody(COMPLETION_FIELDS, { ...wireFields(options), prompt: plain } as JsonObject);
}

/** maxTokens becomes max_tokens, and so on. A stream's options belong to HTTP. */
function wireFields({ signal, ...options }: ChatOptions): Record<string, unknown> {
  const named = Object.entries(options).map(([name, value]) => [wireName(name), value] as const);
  return Object.fromEntries(named.filter(([name]) => !name.startsWith("stream")));
}

function wireName(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
