// IDs of tool calls. Templates show them to the model, and some models know only their own form.

import { isObject, type JsonObject } from "./schema/json-value.ts";
import type { StartedChat } from "./started-chat.ts";

/** @param index index of the call in its message */
export function toolCallId(
  { parsing, body }: Pick<StartedChat, "parsing" | "body">,
  name: string,
  index: number,
): string {
  switch (parsing?.toolParser) {
    case "kimi_k2":
      // Calls are counted over the whole conversation.
      return `functions.${name}:${numCalls(body.messages ?? []) + index}`;
    case "mistral":
      // Mistral's templates refuse any other length.
      return randomHex().slice(0, 9);
    default:
      return `chatcmpl-tool-${randomHex().slice(0, 16)}`;
  }
}

function randomHex(): string {
  return crypto.randomUUID().replaceAll("-", "");
}

function numCalls(messages: readonly JsonObject[]): number {
  const counts = messages.map((message) => {
    const calls = isObject(message) ? message["tool_calls"] : null;
    return Array.isArray(calls) ? calls.length : 0;
  });
  return counts.reduce((sum, count) => sum + count, 0);
}
