// A chat or a completion of one prompt as a stream needs it.

import type { ApiContext } from "../api/api-context.ts";
import { ChatChunkWriter } from "../api/chat-chunks.ts";
import { type RunInit, startChat } from "../api/started-chat.ts";
import { CompletionChunkWriter } from "../api/completion-chunks.ts";
import { startCompletion } from "../api/started-completion.ts";
import { abortAll, mergeStreams } from "../api/output-streams.ts";
import type { ChatBody, CompletionBody } from "../api/schemas.ts";
import type { SequenceOutput } from "../front/output-stream.ts";
import type { StartedRun } from "./live-generation.ts";

/** @throws RequestError or EngineError, with nothing queued */
export async function startedChat(
  context: ApiContext,
  body: ChatBody,
  init: RunInit,
): Promise<StartedRun> {
  const run = await startChat(context, body, init);
  return {
    numPromptTokens: run.promptIds.length,
    n: run.n,
    role: run.role,
    outputs: run.stream,
    abort: () => run.stream.abort(),
    writer: new ChatChunkWriter(run),
  };
}

/** @throws RequestError or EngineError, with nothing queued */
export async function startedCompletion(
  context: ApiContext,
  body: CompletionBody,
  init: RunInit,
): Promise<StartedRun> {
  const run = await startCompletion(context, body, init);
  const writer = new CompletionChunkWriter(run);
  return {
    numPromptTokens: run.numPromptTokens,
    n: run.n,
    role: "",
    outputs: onlyPrompt(mergeStreams(run.streams)),
    abort: () => abortAll(run.streams),
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
