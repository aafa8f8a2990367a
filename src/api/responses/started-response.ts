// Starts a response: builds its conversation, truncates it if it is too long, and starts the chat.

import { RequestError } from "../../errors.ts";
import type { ApiContext } from "../api-context.ts";
import { unixSeconds } from "../api-context.ts";
import { chatMessages } from "../chat-messages.ts";
import type { JsonObject } from "../schema/json-value.ts";
import { type AnswerInit, type StartedChat, startChat } from "../started-chat.ts";
import { chatTemplateRequest } from "../template-request.ts";
import { chatBodyOf, checkResponsesBody, toolsOf } from "./chat-body.ts";
import { itemsOf } from "./input-items.ts";
import { withId } from "./input-list.ts";
import { GeneratedResponse } from "./response-body.ts";
import type { ResponseStore, StoredResponse } from "./response-store.ts";
import type { ResponsesBody } from "./schema.ts";
import type { ToolTable } from "./tools.ts";

/** A body and the conversation that it continues. */
export interface ResponseRequest {
  readonly body: ResponsesBody;
  readonly items: readonly JsonObject[];
  readonly tools: ToolTable;
  readonly response: GeneratedResponse;
}

/** @throws RequestError "invalid_schema", "unsupported" or "response_not_found" */
export function responseRequest(
  context: ApiContext,
  body: ResponsesBody,
  { id, previous }: { readonly id: string; readonly previous: readonly JsonObject[] },
): ResponseRequest {
  checkResponsesBody(body);
  const given = itemsOf(body.input);
  const items = [...previous, ...(body.store ? given.map(withId) : given)];
  const tools = toolsOf(body, items);
  const response = new GeneratedResponse({ context, body, id, createdS: unixSeconds(), tools });
  return { body, items, tools, response };
}

/** @returns the conversation up to the previous response @throws RequestError "response_not_found" */
export function previousItems(
  store: ResponseStore,
  id: string | null,
  owner: number | null,
): readonly JsonObject[] {
  if (id === null) return [];
  const { items, response } = storedResponse(store, id, owner);
  return [...items, ...(response.output as readonly JsonObject[])];
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

/** Starts the chat of a response. If truncation is enabled, drops the oldest turns that do not fit. */
export async function startResponse(
  context: ApiContext,
  request: ResponseRequest,
  init: AnswerInit,
): Promise<StartedChat> {
  const { body, items, tools } = request;
  const isTruncated = body.truncation === "auto";
  const kept = isTruncated ? await fittingItems(context, request) : items;
  return startChat(context, chatBodyOf(body, kept, tools), {
    ...init,
    mustFit: false,
    toolInputs: tools.inputs,
  });
}

/** @returns the latest items that fit, starting with a user's message; all items if no such part fits */
async function fittingItems(
  context: ApiContext,
  { body, items, tools }: ResponseRequest,
): Promise<readonly JsonObject[]> {
  const isStart = ({ role }: JsonObject, i: number) => i === 0 || role === "user";
  const starts = items.flatMap((item, i) => (isStart(item, i) ? [i] : []));
  let [low, high] = [0, starts.length];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const tail = items.slice(starts[middle]);
    if (await fits(context, chatBodyOf(body, tail, tools))) high = middle;
    else low = middle + 1;
  }
  return items.slice(starts[low] ?? 0);
}

async function fits(context: ApiContext, body: ReturnType<typeof chatBodyOf>): Promise<boolean> {
  const { calls, info } = context.front;
  const messages = chatMessages(body.messages);
  const ids = await calls.encodeChat(
    chatTemplateRequest(context, body, messages),
    info.maxModelLen,
  );
  return ids.length < info.maxModelLen;
}
