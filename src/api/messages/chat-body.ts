// Converts a body of /v1/messages to a body of /v1/chat/completions.

import { RequestError } from "../../errors.ts";
import { parseBody } from "../parse-body.ts";
import { isObject, type Json, type JsonObject } from "../schema/json-value.ts";
import { bodyFault } from "../schema-faults.ts";
import { CHAT_FIELDS, type ChatBody } from "../schemas.ts";
import { toolFields } from "../tool-choice.ts";
import { checkMessagesBody, isCallable } from "./check-body.ts";
import { conversationOf } from "./conversation.ts";
import type { CountTokensBody, MessagesBody } from "./schema.ts";

/** @throws RequestError "invalid_schema", or "unsupported" for a thread */
export function chatBodyOf(body: MessagesBody): ChatBody {
  if (body.thread !== null) {
    const message =
      "`thread` is not supported by this server: send the whole conversation with each request.";
    throw new RequestError("unsupported", message, "thread");
  }
  const { temperature, top_p, top_k, max_tokens, stop_sequences: stop, stream } = body;
  const sampling = { temperature, top_p, top_k, max_tokens, stop, stream } as JsonObject;
  const fields = { ...sampling, ...promptFields(body), ...outputFields(body) };
  return parseBody(CHAT_FIELDS, fields);
}

/**
 * @returns the body of a chat with the same prompt, for counting the prompt's tokens
 * @throws as chatBodyOf()
 */
export function countedChatOf(body: CountTokensBody): ChatBody {
  return parseBody(CHAT_FIELDS, promptFields(body));
}

/** @returns true if the client requested thinking, since other clients do not expect a thinking block first */
export function showsThinking({ thinking }: CountTokensBody): boolean {
  return thinking !== null && thinking["type"] !== "disabled";
}

function promptFields(body: CountTokensBody): JsonObject {
  checkMessagesBody(body);
  const messages = conversationOf(body);
  if (messages.length === 0 && body.messages.length > 0) {
    throw bodyFault("value_error", ["body", "messages"], "At least one message must have content");
  }
  const last = messages.at(-1);
  // The client has begun the output, and the model continues it.
  const continues =
    last?.["role"] === "assistant" && last["content"] !== null && !last["tool_calls"];
  return {
    messages,
    ...messagesToolFields(body),
    ...thinkingFields(body),
    add_generation_prompt: !continues,
    continue_final_message: continues,
  };
}

/**
 * If thinking is off, sets a budget of 0, which ends the thinking of a model that ignores its template's switch: the
 * body's token limit is meant for visible text.
 */
function thinkingFields(body: CountTokensBody): JsonObject {
  const thinks = showsThinking(body);
  const budget = thinks ? body.thinking?.["budget_tokens"] : 0;
  return {
    chat_template_kwargs: { enable_thinking: thinks, thinking: thinks },
    ...(budget !== undefined && { thinking_token_budget: budget }),
  };
}

const CHOICES: Readonly<Record<string, string>> = { auto: "auto", any: "required", none: "none" };

function messagesToolFields({ tools, tool_choice: choice }: CountTokensBody): JsonObject {
  const callable = (tools ?? []).filter(isCallable);
  const type = String(choice?.["type"] ?? "auto");
  const named = { type: "function", function: { name: choice?.["name"] ?? "" } };
  const chosen = type === "tool" ? named : (CHOICES[type] ?? type);
  const isParallel = choice?.["disable_parallel_tool_use"] !== true;
  return toolFields(callable.map(functionTool), chosen, isParallel);
}

function functionTool({ name, description, input_schema, strict }: JsonObject): JsonObject {
  return {
    type: "function",
    function: {
      name: name ?? "",
      ...(description !== undefined && { description }),
      parameters: input_schema ?? {},
      ...(strict === true && { strict }),
    },
  };
}

/** Efforts above the highest one that templates support. */
const HIGHEST: readonly unknown[] = ["xhigh", "max"];

function outputFields({ output_config: config, output_format }: MessagesBody): JsonObject {
  const { effort, format: newer } = config ?? {};
  // Anthropic's earlier clients call the format `output_format`.
  const format = newer ?? output_format;
  return {
    ...(typeof effort === "string" && {
      reasoning_effort: HIGHEST.includes(effort) ? "high" : effort,
    }),
    ...(format !== null && { response_format: responseFormat(format) }),
  };
}

/** Keeps an unknown type, so that the chat refuses it. */
function responseFormat(format: Json): Json {
  if (!isObject(format) || format["type"] !== "json_schema") return format;
  const { type, schema = null } = format;
  return { type, json_schema: { name: "answer", strict: true, schema } };
}
