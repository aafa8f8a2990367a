// Starts a response: builds its conversation, truncates that if it is too long, and starts the chat.

import { RequestError } from "../../errors.ts";
import type { ApiContext } from "../api-context.ts";
import { unixSeconds } from "../api-context.ts";
import { chatMessages } from "../chat-messages.ts";
import { type ClientFields, withClientFields } from "../client-fields.ts";
import { quoted, shortened } from "../quote.ts";
import type { JsonObject } from "../schema/json-value.ts";
import type { ChatBody } from "../schemas.ts";
import { type AnswerInit, type StartedChat, shownChat, startChat } from "../started-chat.ts";
import { toolChoice } from "../tool-choice.ts";
import { chatBodyOf, checkResponsesBody, toolsOf } from "./chat-body.ts";
import { itemsOf } from "./input-items.ts";
import { withId } from "./input-list.ts";
import { GeneratedResponse } from "./response-body.ts";
import { itemsAfter, type ResponseStore, type StoredResponse } from "./response-store.ts";
import type { ResponsesBody } from "./schema.ts";
import type { ToolTable } from "./tools.ts";

/** A body and the conversation that it continues. */
export interface ResponseRequest {
  readonly body: ResponsesBody;
  readonly items: readonly JsonObject[];
  readonly tools: ToolTable;
  readonly response: GeneratedResponse;
}

/** Source of a response's conversation. */
export interface ResponseInputs {
  /** Response ID. */
  readonly id: string;
  readonly store: ResponseStore;
  /** Owner of the stored responses that the body can refer to. */
  readonly owner: number | null;
}

/** @throws RequestError "invalid_schema", "invalid_value", "unsupported" or "response_not_found" */
export function responseRequest(
  context: ApiContext,
  body: ResponsesBody,
  { id, store, owner }: ResponseInputs,
): ResponseRequest {
  checkResponsesBody(body);
  const previous = previousItems(store, body.previous_response_id, owner);
  const given = withReferences(store, itemsOf(body.input), owner);
  const items = [...previous, ...(body.store ? given.map(withId) : given)];
  const tools = toolsOf(body, items);
  const response = new GeneratedResponse({ context, body, id, createdS: unixSeconds(), tools });
  return { body, items, tools, response };
}

/**
 * @returns the conversation including the previous response
 * @throws RequestError "response_not_found", or "invalid_value" if that response is still being generated
 */
function previousItems(
  store: ResponseStore,
  id: string | null,
  owner: number | null,
): readonly JsonObject[] {
  if (id === null) return [];
  const stored = storedResponse(store, id, owner);
  const { status } = stored.response;
  if (status === "queued" || status === "in_progress") {
    const message = `The response ${quoted(id)} has not ended; wait until its status is "completed".`;
    throw new RequestError("invalid_value", message, "previous_response_id");
  }
  return itemsAfter(stored);
}

/**
 * Replaces references with the stored items, since clients such as Vercel's AI SDK send the model's earlier output only
 * as references.
 * @throws RequestError "response_not_found" if an item is not stored, because omitting it would
 * lose part of the conversation
 */
function withReferences(
  store: ResponseStore,
  items: readonly JsonObject[],
  owner: number | null,
): readonly JsonObject[] {
  const references = items.filter(isReference).map(({ id }) => id);
  if (references.length === 0) return items;
  const stored = store.itemsOf(references, owner);
  return items.map((item) => {
    if (!isReference(item)) return item;
    return stored.get(item.id) ?? itemNotFound(item.id);
  });
}

function isReference(item: JsonObject): item is JsonObject & { readonly id: string } {
  return item["type"] === "item_reference";
}

function itemNotFound(id: string): never {
  const message =
    `Item with id '${shortened(id)}' not found. Items are stored only with a response whose \`store\` is true, and for ` +
    "a limited time. Send the item itself instead.";
  throw new RequestError("response_not_found", message, "input");
}

/** @throws RequestError "response_not_found" */
export function storedResponse(
  store: ResponseStore,
  id: string,
  owner: number | null,
): StoredResponse {
  const stored = store.get(id, owner);
  if (stored !== null) return stored;
  throw new RequestError("response_not_found", `Response with id '${id}' not found.`);
}

const CLIENT_FIELDS: ClientFields = {
  max_tokens: "max_output_tokens",
  messages: "input",
  reasoning_effort: "reasoning.effort",
  response_format: "text.format",
};

/** Starts the chat for a response. If truncation is enabled, drops the oldest turns until the rest fits. */
export async function startResponse(
  context: ApiContext,
  request: ResponseRequest,
  init: AnswerInit,
): Promise<StartedChat> {
  const { body, items, tools, response } = request;
  const isTruncated = body.truncation === "auto";
  const kept = isTruncated ? await fittingItems(context, request) : items;
  const chatInit = { ...init, mustFit: false, toolInputs: tools.inputs };
  const chat = await withClientFields(CLIENT_FIELDS, async () =>
    startChat(context, chatBodyOf(body, kept, tools), chatInit),
  );
  response.begin(chat);
  return chat;
}

/**
 * @returns the system's items, then the latest items that fit, starting with a user's message; all items if none fit
 */
async function fittingItems(
  context: ApiContext,
  { body, items, tools }: ResponseRequest,
): Promise<readonly JsonObject[]> {
  const starts = items.flatMap(({ role }, i) => (i === 0 || role === "user" ? [i] : []));
  const from = (start: number) => items.filter((item, i) => i >= start || isSystem(item));
  let [low, high] = [0, starts.length];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const isFitting = await fits(context, body, chatBodyOf(body, from(starts[middle] ?? 0), tools));
    if (isFitting) high = middle;
    else low = middle + 1;
  }
  return from(starts[low] ?? 0);
}

const isSystem = ({ role }: JsonObject): boolean => role === "system" || role === "developer";

/** @returns whether there is room for the output, up to half of the context */
async function fits(context: ApiContext, body: ResponsesBody, chat: ChatBody): Promise<boolean> {
  const { maxModelLen } = context.front.info;
  const room = Math.min(Number(body.max_output_tokens ?? 1), Math.floor(maxModelLen / 2));
  return (await numTokens(context, chat, maxModelLen)) <= maxModelLen - Math.max(1, room);
}

/** @param max counts above this are not exact; absent = no limit */
async function numTokens(context: ApiContext, chat: ChatBody, max?: number): Promise<number> {
  const request = shownChat(context, chat, chatMessages(chat.messages));
  return (await context.front.calls.encodeChat(request, max)).length;
}

/** @returns the number of tokens in the prompt, even if it does not fit */
export function countInput(
  context: ApiContext,
  { body, items, tools }: ResponseRequest,
): Promise<number> {
  const chat = chatBodyOf(body, items, tools);
  toolChoice(chat);
  return numTokens(context, chat);
}
