// Converts a body of /v1/responses and the items of its conversation to a body of /v1/chat/completions.

import { RequestError } from "../../errors.ts";
import { parseBody } from "../parse-body.ts";
import { checkMembers, type Members } from "../required-members.ts";
import { isObject, type Json, type JsonObject } from "../schema/json-value.ts";
import { bodyFault, type Location } from "../schema-faults.ts";
import { CHAT_FIELDS, type ChatBody } from "../schemas.ts";
import { toolFields, withAllowedTools } from "../tool-choice.ts";
import { addedTools, messagesOf } from "./input-items.ts";
import type { ResponsesBody } from "./schema.ts";
import { chatChoice, type ToolTable, toolTable } from "./tools.ts";

/** @throws RequestError "invalid_schema" or "unsupported" */
export function checkResponsesBody(body: ResponsesBody): void {
  if (body.background && !body.store) {
    const message = "Value error, background can only be used when `store` is true";
    throw bodyFault("value_error", ["body"], message);
  }
  for (const name of ["prompt", "conversation"] as const) {
    if (body[name] === null) continue;
    throw new RequestError("unsupported", `\`${name}\` is not supported by this server.`, name);
  }
  if (body.input === null && body.previous_response_id === null) {
    throw bodyFault("missing", ["body", "input"], "Field required");
  }
  for (const [i, tool] of body.tools.entries()) checkTool(tool, ["body", "tools", i]);
  const { tool_choice: choice } = body;
  if (isObject(choice)) checkMembers(choice, membersOf(TOOLS, choice), ["body", "tool_choice"]);
  if (!Array.isArray(body.input)) return;
  for (const [i, item] of body.input.entries()) checkItem(item, ["body", "input", i]);
}

type MembersByType = Readonly<Record<string, Members>>;

const NAMED: Members = { name: "string" };

const TOOLS: MembersByType = { function: NAMED, custom: NAMED, namespace: NAMED };

const ITEMS: MembersByType = {
  function_call: { call_id: "string", name: "string" },
  function_call_output: { call_id: "string" },
  custom_tool_call: { call_id: "string", name: "string", input: "string" },
  custom_tool_call_output: { call_id: "string" },
  item_reference: { id: "string" },
};

const membersOf = (types: MembersByType, { type }: JsonObject): Members =>
  types[String(type)] ?? {};

/** Refuses tools that can be called but have no name, such as tools in the format of /v1/chat/completions. */
function checkTool(tool: JsonObject, location: Location): void {
  checkMembers(tool, membersOf(TOOLS, tool), location);
  const { type, tools } = tool;
  if (type !== "namespace" || !Array.isArray(tools)) return;
  for (const [i, inner] of tools.entries())
    if (isObject(inner)) checkMembers(inner, membersOf(TOOLS, inner), [...location, "tools", i]);
}

const ROLES: readonly Json[] = ["user", "assistant", "system", "developer"];

function checkItem(item: JsonObject, location: Location): void {
  checkMembers(item, membersOf(ITEMS, item), location);
  const { type = "message", role = null } = item;
  if (type !== "message" || ROLES.includes(role)) return;
  const choices = "'user', 'assistant', 'system' or 'developer'";
  throw bodyFault("literal_error", [...location, "role"], `Input should be ${choices}`);
}

/** @returns the tools in a body and its input */
export function toolsOf(body: ResponsesBody, items: readonly JsonObject[]): ToolTable {
  return toolTable(body.tools, addedTools(items));
}

/** @param items the whole conversation @throws RequestError "invalid_schema" */
export function chatBodyOf(
  body: ResponsesBody,
  items: readonly JsonObject[],
  tools: ToolTable,
): ChatBody {
  const { model, temperature, top_p, max_output_tokens: max_tokens, stream } = body;
  const { cache_salt, priority } = body;
  const fields = { model, temperature, top_p, max_tokens, cache_salt, priority, stream };
  const chat = parseBody(CHAT_FIELDS, {
    ...fields,
    messages: conversationOf(body, items),
    ...toolFields(tools.functions, chatChoice(body.tool_choice), body.parallel_tool_calls),
    ...logprobFields(body),
    ...reasoningFields(body.reasoning),
    ...formatFields(body.text),
  });
  return withAllowedTools(chat);
}

/** @returns true if the client requested log-probabilities of the text */
export function wantsLogprobs({ include }: ResponsesBody): boolean {
  return include.includes("message.output_text.logprobs");
}

function conversationOf(
  { instructions }: ResponsesBody,
  items: readonly JsonObject[],
): JsonObject[] {
  const system = instructions === null ? [] : [{ role: "system", content: instructions }];
  const messages = messagesOf(items);
  // Codex probes servers with an empty input, but templates need a user message.
  return [...system, ...(messages.length > 0 ? messages : [{ role: "user", content: "" }])];
}

function logprobFields(body: ResponsesBody): JsonObject {
  return wantsLogprobs(body) ? { logprobs: true, top_logprobs: body.top_logprobs ?? 0 } : {};
}

function reasoningFields(reasoning: JsonObject | null): JsonObject {
  const effort = reasoning?.["effort"];
  if (typeof effort !== "string") return {};
  return { reasoning_effort: EFFORTS[effort] ?? effort };
}

/** Efforts that templates do not support, with the nearest supported ones. */
const EFFORTS: Readonly<Record<string, string>> = { minimal: "low", xhigh: "high", max: "high" };

function formatFields(text: JsonObject | null): JsonObject {
  const format: Json | undefined = text?.["format"];
  if (!isObject(format) || format["type"] === "text") return {};
  const { type, name = "answer", schema, strict } = format;
  if (type !== "json_schema") return { response_format: { type: type ?? null } };
  const named = {
    name,
    ...(schema !== undefined && { schema }),
    ...(strict === true && { strict }),
  };
  return { response_format: { type, json_schema: named } };
}
