// The response to a chat or to a completion with one prompt, in the form that Generation reads.

import type { ApiContext } from "../api/api-context.ts";
import { assistantMessage } from "../api/assistant-message.ts";
import { ChatChunkWriter } from "../api/chat-chunks.ts";
import type { Choice } from "../api/choice.ts";
import { CompletionChunkWriter } from "../api/completion-chunks.ts";
import type { ChunkWriter } from "../api/events.ts";
import { abortAll, mergeStreams } from "../api/output-streams.ts";
import type { ChatBody, CompletionBody } from "../api/schemas.ts";
import { type AnswerInit, type StartedChat, startChat } from "../api/started-chat.ts";
import { startCompletion } from "../api/started-completion.ts";
import type { SequenceOutput } from "../front/output-stream.ts";
import type { ChatMessage } from "./results.ts";

/** A request that has been checked and queued. */
export interface StartedAnswer {
  readonly numPromptTokens: number;
  /** Number of sequences. */
  readonly n: number;
  /** Role of the answer; "" for a text completion. */
  readonly role: string;
  /** Outputs of all sequences, which can be read only once. */
  readonly outputs: AsyncIterable<SequenceOutput>;
  /** Ends the request and frees its blocks within one step. */
  readonly abort: () => void;
  /** Converts the first sequence to a message; null for a text completion. */
  readonly messageOf: ((choice: Choice) => ChatMessage) | null;
  /** Writes chunks for a single reader. */
  readonly writer: ChunkWriter<SequenceOutput>;
}

/** @throws RequestError or EngineError, queuing nothing */
export async function answerToChat(
  context: ApiContext,
  body: ChatBody,
  init: AnswerInit,
): Promise<StartedAnswer> {
  const chat = await startChat(context, body, init);
  return {
    numPromptTokens: chat.promptIds.length,
    n: chat.n,
    role: chat.role,
    outputs: chat.stream,
    abort: () => chat.stream.abort(),
    messageOf: (choice) => chatMessage(chat, choice),
    writer: new ChatChunkWriter(chat),
  };
}

/** Leaves out the members that are always null in OpenAI's responses. */
function chatMessage(chat: StartedChat, choice: Choice): ChatMessage {
  const { role, content, tool_calls, reasoning } = assistantMessage(chat, choice);
  return {
    ...{ role, content },
    ...(tool_calls.length > 0 && { tool_calls }),
    ...(reasoning !== null && { reasoning }),
  };
}

/** @throws RequestError or EngineError, queuing nothing */
export async function answerToCompletion(
  context: ApiContext,
  body: CompletionBody,
  init: AnswerInit,
): Promise<StartedAnswer> {
  const completion = await startCompletion(context, body, init);
  const writer = new CompletionChunkWriter(completion);
  return {
    numPromptTokens: completion.numPromptTokens,
    n: completion.n,
    role: "",
    messageOf: null,
    outputs: onlyPrompt(mergeStreams(completion.streams)),
    abort: () => abortAll(completion.streams),
    writer: {
      event: (output) => writer.event({ promptIndex: 0, output }),
      end: () => writer.end(),
    },
  };
}

async function* onlyPrompt(
  outputs: ReturnType<typeof mergeStreams>,
): AsyncGenerator<SequenceOutput> {
  for await (const { output } of outputs) yield output;
}
