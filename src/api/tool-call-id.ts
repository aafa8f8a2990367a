// IDs for tool calls. Templates show them to the model, and some models know only their own ID format.

import { randomHex } from "./answer-id.ts";
import { isObject, type JsonObject } from "./schema/json-value.ts";
import type { StartedChat } from "./started-chat.ts";

/** Properties of a chat that determine the format of its IDs. */
export type CallingChat = Pick<StartedChat, "parsing"> & {
  readonly body: Pick<StartedChat["body"], "messages">;
};

/**
 * @param index index of the call in its message
 * @param prefix start of the API's IDs, for models that accept any format
 */
export function toolCallId(
  { parsing, body }: CallingChat,
  name: string,
  index: number,
  prefix = "chatcmpl-tool-",
): string {
  switch (parsing?.toolParser) {
    case "kimi_k2":
      // Calls are counted across the whole conversation.
      return `functions.${name}:${numCalls(body.messages ?? []) + index}`;
    case "mistral":
      // Mistral's templates refuse any other length.
      return randomHex().slice(0, 9);
    case "solar_open":
      // Solar's template asks the model for IDs of this length.
      return randomHex().slice(0, 10);
    default:
      return prefix + randomHex();
  }
}

function numCalls(messages: readonly JsonObject[]): number {
  const counts = messages.map((message) => {
    const calls = isObject(message) ? message["tool_calls"] : null;
    return Array.isArray(calls) ? calls.length : 0;
  });
  return counts.reduce((sum, count) => sum + count, 0);
}
