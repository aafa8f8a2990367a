// POST /v1/chat/completions.

import { Elysia } from "elysia";
import { modelName } from "../api/api-context.ts";
import { assistantMessage, chatFinishReason, hasCalls } from "../api/assistant-message.ts";
import { ChatChunkWriter } from "../api/chat-chunks.ts";
import { choiceAt, completionDetails, makeChoices, promptDetails, usage } from "../api/choice.ts";
import { chatLogprobs, promptLogprobs } from "../api/logprobs.ts";
import { fieldsSaid } from "../api/parse-body.ts";
import { CHAT_FIELDS, type ChatBody } from "../api/schemas.ts";
import { type StartedChat, startChat } from "../api/started-chat.ts";
import { Timings } from "../api/timings.ts";
import type { SequenceOutput } from "../front/output-stream.ts";
import { answer } from "./answer.ts";
import { readBody } from "./read-body.ts";
import { logged } from "./request-log.ts";
import { responseId, type ServerContext } from "./server-context.ts";

export function chatRoutes(context: ServerContext) {
  return new Elysia({ name: "chat" }).post(
    "/v1/chat/completions",
    async ({ request }) => {
      const arrivalMs = context.front.nowMs();
      return answerChat(context, request, {
        arrivalMs,
        body: await readBody(context, request, CHAT_FIELDS),
      });
    },
    { parse: "none" },
  );
}

export interface ArrivedChat {
  /** Arrival time on the front's clock, in ms. */
  readonly arrivalMs: number;
  readonly body: ChatBody;
}

export function answerChat(
  context: ServerContext,
  request: Request,
  { arrivalMs, body }: ArrivedChat,
): Promise<Response> {
  const id = responseId("chatcmpl-", request, body.request_id);
  const arrival = () => {
    const { messages, ...params } = fieldsSaid(CHAT_FIELDS, body);
    return { id, arrivalMs, prompt: messages, params };
  };
  return logged(context, arrival, async (watch) => {
    const chat = await startChat(context, body, { id, arrivalMs, signal: request.signal });
    return answer(context, request, {
      streams: [chat.stream],
      outputs: watch(chat.stream, (output) => output),
      writer: chat.body.stream ? new ChatChunkWriter(chat) : null,
      fullBody: (outputs) => fullBody(chat, outputs),
    });
  });
}

async function fullBody(chat: StartedChat, outputs: AsyncIterable<SequenceOutput>) {
  const { body, context, promptIds } = chat;
  const choices = makeChoices(chat.n);
  const timings = Timings.of(context, body);
  for await (const output of outputs) {
    choiceAt(choices, output.index).add(output);
    timings?.add(output);
  }
  const numTokens = choices.reduce((sum, { tokenIds }) => sum + tokenIds.length, 0);
  return {
    id: chat.id,
    object: "chat.completion",
    created: chat.createdS,
    model: modelName(context, body.model),
    choices: choices.map((choice, index) => ({
      index,
      message: assistantMessage(chat, choice),
      logprobs: body.logprobs
        ? chatLogprobs(choice.logprobs, body.return_tokens_as_token_ids)
        : null,
      finish_reason: chatFinishReason(chat, choice.finishReason, hasCalls(choice.parts)),
      stop_reason: choice.stopReason,
      token_ids: body.return_token_ids ? choice.tokenIds : null,
    })),
    service_tier: null,
    system_fingerprint: null,
    usage: {
      ...usage(promptIds.length, numTokens),
      prompt_tokens_details: promptDetails(context, choices[0]?.numCachedTokens ?? 0),
      ...completionDetails(chat.parsing, choices),
    },
    prompt_logprobs: promptLogprobs(choices[0]?.promptLogprobs ?? null),
    prompt_token_ids: body.return_token_ids ? [...promptIds] : null,
    kv_transfer_params: null,
    ...(timings && { timings: timings.body() }),
  };
}
