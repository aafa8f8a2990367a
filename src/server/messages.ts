// POST /v1/messages and /v1/messages/count_tokens: Anthropic's Messages API.

import { Elysia } from "elysia";
import { chatMessages } from "../api/chat-messages.ts";
import { type ClientFields, withClientFields } from "../api/client-fields.ts";
import { chatBodyOf, countedChatOf, showsThinking } from "../api/messages/chat-body.ts";
import { GeneratedMessage } from "../api/messages/message-body.ts";
import { MessageEventWriter } from "../api/messages/message-events.ts";
import {
  COUNT_TOKENS_FIELDS,
  isClaudeModel,
  MESSAGES_FIELDS,
  type MessagesBody,
} from "../api/messages/schema.ts";
import { fieldsSaid } from "../api/parse-body.ts";
import { shortened } from "../api/quote.ts";
import { isObject } from "../api/schema/json-value.ts";
import { shownChat, startChat } from "../api/started-chat.ts";
import { toolChoice } from "../api/tool-choice.ts";
import { answer } from "./answer.ts";
import { jsonResponse } from "./json-response.ts";
import { readBody } from "./read-body.ts";
import { logged } from "./request-log.ts";
import { responseId, type ServerContext } from "./server-context.ts";

export function messageRoutes(context: ServerContext) {
  return new Elysia({ name: "messages" })
    .post("/v1/messages", ({ request }) => handleMessage(context, request), { parse: "none" })
    .post("/v1/messages/count_tokens", ({ request }) => countTokens(context, request), {
      parse: "none",
    });
}

async function handleMessage(context: ServerContext, request: Request): Promise<Response> {
  const arrivalMs = context.front.nowMs();
  const isAlias = aliasOf(context);
  const body = await readBody(context, request, MESSAGES_FIELDS, isAlias);
  const id = responseId("msg_", request, null);
  const arrival = () => {
    const { messages, ...params } = fieldsSaid(MESSAGES_FIELDS, body);
    return { id, arrivalMs, prompt: messages, params: { ...params, ...sessionOf(request) } };
  };
  return logged(context, arrival, async (watch) => {
    const init = { id, arrivalMs, signal: request.signal, mustFit: false };
    const model = body.model ?? "";
    const chat = await withClientFields(clientFields(body), async () =>
      startChat(context, { ...chatBodyOf(body), model: isAlias(model) ? null : model }, init),
    );
    const message = { chat, model: body.model, showsThinking: showsThinking(body) };
    return answer(context, request, {
      streams: [chat.stream],
      outputs: watch(chat.stream, (output) => output),
      writer: body.stream ? new MessageEventWriter(message) : null,
      fullBody: async (outputs) => {
        const generated = new GeneratedMessage(message);
        for await (const output of outputs) generated.add(output);
        return generated.body();
      },
    });
  });
}

/** Claude's names mean the served model, unless an adapter has that name. */
const aliasOf = (context: ServerContext) => (model: string) =>
  isClaudeModel(model) && context.adapters.find(model) === null;

function clientFields({ output_config: config }: MessagesBody): ClientFields {
  return {
    reasoning_effort: "output_config.effort",
    response_format: isObject(config?.["format"]) ? "output_config.format" : "output_format",
    stop: "stop_sequences",
    thinking_token_budget: "thinking.budget_tokens",
  };
}

async function countTokens(context: ServerContext, request: Request): Promise<Response> {
  const body = await readBody(context, request, COUNT_TOKENS_FIELDS, aliasOf(context));
  const chat = countedChatOf(body);
  toolChoice(chat);
  const messages = chatMessages(chat.messages);
  const ids = await context.front.calls.encodeChat(shownChat(context, chat, messages));
  return jsonResponse({ input_tokens: ids.length });
}

/** IDs with which Claude Code marks requests by session and by sub-agent, for the request log. */
function sessionOf({ headers }: Request): Record<string, string> {
  const names = ["x-claude-code-session-id", "x-claude-code-agent-id"];
  const sent = names.map((name) => [name, shortened(headers.get(name) ?? "")] as const);
  return Object.fromEntries(sent.filter(([, id]) => id !== ""));
}
