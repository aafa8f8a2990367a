// POST /v1/chat/completions.

import { Elysia } from "elysia";
import type { SequenceOutput } from "../engine/generation.ts";
import type { ChatMessage } from "../runner/tokenizer.ts";
import { answer } from "./answer.ts";
import { ChatChunkWriter, type ChatRun } from "./chat-chunks.ts";
import { chatMessages, renderChat } from "./chat-messages.ts";
import { choiceAt, makeChoices, usage } from "./choice.ts";
import { chatLogprobs, promptLogprobs } from "./logprobs.ts";
import { checkPromptIds, checkPromptLength, resolveMaxTokens } from "./prompt-limits.ts";
import { readBody } from "./read-body.ts";
import { samplingParams } from "./sampling.ts";
import { CHAT_FIELDS, type ChatBody } from "./schemas.ts";
import { modelName, responseId, type ServerContext, unixSeconds } from "./server-context.ts";
import { checkChatFeatures, checkStreamOptions } from "./unsupported.ts";

export function chatRoutes(context: ServerContext) {
  return new Elysia({ name: "chat" }).post(
    "/v1/chat/completions",
    ({ request }) => handleChat(context, request),
    { parse: "none" },
  );
}

async function handleChat(context: ServerContext, request: Request): Promise<Response> {
  const run = await startChat(context, request);
  return answer(context, request, {
    generations: [run.generation],
    outputs: run.generation,
    writer: run.body.stream ? new ChatChunkWriter(run) : null,
    fullBody: (outputs) => fullBody(run, outputs),
  });
}

/** Everything that can be refused happens here, before the first byte of an answer. */
async function startChat(context: ServerContext, request: Request): Promise<ChatRun> {
  const arrivalMs = context.engine.nowMs();
  const body = await readBody(context, request, CHAT_FIELDS);
  checkStreamOptions(body);
  checkChatFeatures(body);
  const messages = chatMessages(body.messages ?? []);
  const lengths = messages.map(({ content }) => String(content ?? "").length);
  checkPromptLength(
    context,
    lengths.reduce((sum, length) => sum + length, 0),
  );
  const { tokenIds: promptIds } = await renderChat(context, body, messages);
  checkPromptIds(context, promptIds);
  const limit = body.max_completion_tokens ?? body.max_tokens;
  const params = samplingParams(context, {
    body,
    logprobs: body.logprobs ? body.top_logprobs : null,
    promptLogprobs: body.prompt_logprobs,
    maxTokens: resolveMaxTokens(context, promptIds.length, limit),
  });
  const id = responseId("chatcmpl", request, body.request_id);
  const generation = context.engine.generate({
    promptTokenIds: promptIds,
    samplingParams: params,
    priority: body.priority,
    cacheSalt: body.cache_salt,
    arrivalMs,
  });
  const { role, prefix } = echoOf(body, messages);
  return { context, body, id, createdS: unixSeconds(), promptIds, generation, role, prefix };
}

/** The answer speaks as the assistant, or goes on as whoever spoke last. */
function echoOf(body: ChatBody, messages: readonly ChatMessage[]) {
  const last = messages.at(-1);
  const role = body.add_generation_prompt ? "assistant" : (last?.role ?? "assistant");
  const prefix = body.echo && last?.role === role ? String(last["content"] ?? "") : "";
  return { role, prefix };
}

async function fullBody(run: ChatRun, outputs: AsyncIterable<SequenceOutput>) {
  const { body, context, promptIds } = run;
  const choices = makeChoices(body.n);
  for await (const output of outputs) choiceAt(choices, output.index).add(output);
  const numTokens = choices.reduce((sum, { tokenIds }) => sum + tokenIds.length, 0);
  return {
    id: run.id,
    object: "chat.completion",
    created: run.createdS,
    model: modelName(context),
    choices: choices.map((choice, index) => ({
      index,
      message: messageBody(run, choice.text),
      logprobs: body.logprobs
        ? chatLogprobs(choice.logprobs, body.return_tokens_as_token_ids)
        : null,
      finish_reason: choice.finishReason,
      stop_reason: choice.stopReason,
      token_ids: body.return_token_ids ? choice.tokenIds : null,
    })),
    service_tier: null,
    system_fingerprint: null,
    usage: { ...usage(promptIds.length, numTokens), prompt_tokens_details: null },
    prompt_logprobs: promptLogprobs(choices[0]?.promptLogprobs ?? null),
    prompt_token_ids: body.return_token_ids ? [...promptIds] : null,
    kv_transfer_params: null,
  };
}

function messageBody(run: ChatRun, text: string) {
  return {
    role: run.role,
    content: run.prefix + text,
    refusal: null,
    annotations: null,
    audio: null,
    function_call: null,
    tool_calls: [],
    reasoning: null,
    reasoning_content: null,
  };
}
