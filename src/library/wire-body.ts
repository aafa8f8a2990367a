// Converts the library's options to HTTP API bodies, so the same code checks both.

import { parseBody } from "../api/parse-body.ts";
import type { JsonObject } from "../api/schema/json-value.ts";
import {
  CHAT_FIELDS,
  type ChatBody,
  COMPLETION_FIELDS,
  type CompletionBody,
} from "../api/schemas.ts";
import { RequestError } from "../errors.ts";
import { CHAT_NAMES, GENERATE_NAMES, strangeName } from "./option-names.ts";
import type { ChatOptions, GenerateOptions, Message, Prompt } from "./options.ts";

/** @throws RequestError "invalid_schema", or "invalid_value" for an unknown option */
export function chatBody(messages: readonly Message[], options: ChatOptions): ChatBody {
  checkNames(options, CHAT_NAMES);
  const { logprobs } = options;
  const fields = { ...wireFields(options), messages };
  const reported = logprobs === undefined ? {} : { logprobs: true, top_logprobs: logprobs };
  return parseBody(CHAT_FIELDS, { ...fields, ...reported } as unknown as JsonObject);
}

/**
 * @throws RequestError "invalid_schema", or "invalid_value" for an unknown option or for several prompts, whose
 *   outputs would be merged
 */
export function completionBody(prompt: Prompt, options: GenerateOptions): CompletionBody {
  checkNames(options, GENERATE_NAMES);
  const plain = ArrayBuffer.isView(prompt) ? [...prompt] : prompt;
  if (Array.isArray(plain) && typeof plain[0] !== "number" && plain.length > 0)
    throw new RequestError(
      "invalid_value",
      "expected one prompt; use generateAll() for several.",
      "prompt",
    );
  return parseBody(COMPLETION_FIELDS, { ...wireFields(options), prompt: plain } as JsonObject);
}

/** @throws RequestError "invalid_value" */
function checkNames(options: object, names: Readonly<Record<string, true>>): void {
  const fault = strangeName(options, names);
  if (fault !== null) throw new RequestError("invalid_value", fault);
}

/** Renames options to HTTP API fields, such as maxTokens to max_tokens. */
function wireFields({ signal, lora, ...options }: ChatOptions): Record<string, unknown> {
  const fields = Object.entries(options).map(([name, value]) => [wireName(name), value]);
  return { ...Object.fromEntries(fields), ...(lora !== undefined && { model: lora }) };
}

function wireName(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
