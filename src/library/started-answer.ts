// The answer to a chat or to a completion of one prompt, in the form that Generation reads.

import type { ApiContext } from "../api/api-context.ts";
import { ChatChunkWriter } from "../api/chat-chunks.ts";
import { CompletionChunkWriter } from "../api/completion-chunks.ts";
import type { ChunkWriter } from "../api/events.ts";
import { abortAll, mergeStreams } from "../api/output-streams.ts";
import type { ChatBody, CompletionBody } from "../api/schemas.ts";
import { type AnswerInit, startChat } from "../api/started-chat.ts";
import { startCompletion } from "../api/started-completion.ts";
import type { SequenceOutput } from "../front/output-stream.ts";

/** A request that has been checked and queued. */
export interface StartedAnswer {
  readonly numPromptTokens: number;
  /** Number of sequences. */
  readonly n: number;
  /** Role of the answer; "" for a text completion. */
  readonly role: string;
  /** Outputs of all sequences; can be read only once. */
  readonly outputs: AsyncIterable<SequenceOutput>;
  /** Ends the request and frees its blocks within one step. */
  readonly abort: () => void;
  /** Writes chunks for a single reader. */
  readonly writer: ChunkWriter<SequenceOutput>;
}

/** @throws RequestError or EngineError, with nothing queued */
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
    writer: new ChatChunkWriter(chat),
  };
}

/** @throws RequestError or EngineError, with nothing queued */
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
