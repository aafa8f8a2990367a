// A chat on its way, whoever asked for it: its body checked, rendered and queued.

import type { Generation } from "../engine/generation.ts";
import type { ChatMessage } from "../runner/tokenizer.ts";
import { chatMessages, renderChat } from "./chat-messages.ts";
import { checkPromptIds, checkPromptLength, resolveMaxTokens } from "./prompt-limits.ts";
import { checkN, samplingParams } from "./sampling.ts";
import type { ChatBody } from "./schemas.ts";
import { type ServerContext, unixSeconds } from "./server-context.ts";
import { checkChatFeatures, checkStreamOptions } from "./unsupported.ts";

/** What a request brings besides its body. */
export interface RunInit {
  /** Of the answer. */
  readonly id: string;
  /** Front clock, ms. */
  readonly arrivalMs: number;
}

/** A validated request on its way. */
export interface ChatRun {
  readonly context: ServerContext;
  readonly body: ChatBody;
  readonly id: string;
  readonly createdS: number;
  readonly promptIds: Int32Array;
  readonly generation: Generation;
  readonly role: string;
  /** Shown before the generated text (`echo`). */
  readonly prefix: string;
}

/** Everything that can be refused happens here, before anything is queued. */
export async function startChat(
  context: ServerContext,
  body: ChatBody,
  { id, arrivalMs }: RunInit,
): Promise<ChatRun> {
  checkStreamOptions(body);
  checkChatFeatures(body);
  checkN(context, body);
  const messages = chatMessages(body.messages ?? []);
  const lengths = messages.map(({ content }) => String(content ?? "").length);
  checkPromptLength(
    context,
    lengths.reduce((sum, length) => sum + length, 0),
  );
  const reservation = context.engine.reserve(body.n);
  try {
    const { tokenIds: promptIds } = await renderChat(context, body, messages);
    const params = paramsOf(context, body, promptIds);
    reservation.addTokens(promptIds.length);
    const { priority, cache_salt: cacheSalt } = body;
    const generation = context.engine.generate(
      { promptTokenIds: promptIds, samplingParams: params, priority, cacheSalt, arrivalMs },
      reservation,
    );
    const { role, prefix } = echoOf(body, messages);
    return { context, body, id, createdS: unixSeconds(), promptIds, generation, role, prefix };
  } finally {
    reservation.release();
  }
}

function paramsOf(context: ServerContext, body: ChatBody, promptIds: Int32Array) {
  checkPromptIds(context, promptIds);
  const limit = body.max_completion_tokens ?? body.max_tokens;
  return samplingParams(context, {
    body,
    logprobs: body.logprobs ? body.top_logprobs : null,
    promptLogprobs: body.prompt_logprobs,
    maxTokens: resolveMaxTokens(context, promptIds.length, limit),
  });
}

/** The answer speaks as the assistant, or goes on as whoever spoke last. */
function echoOf(body: ChatBody, messages: readonly ChatMessage[]) {
  const last = messages.at(-1);
  const role = body.add_generation_prompt ? "assistant" : (last?.role ?? "assistant");
  const prefix = body.echo && last?.role === role ? String(last["content"] ?? "") : "";
  return { role, prefix };
}
