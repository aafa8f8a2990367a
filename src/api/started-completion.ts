// Starts a text completion, over HTTP or in-process: checks its body and queues its prompts.

import type { FrontRequest, OutputStream } from "../front/output-stream.ts";
import { knownTokens } from "../front/request-tracker.ts";
import { checkNumLogprobs, fitMaxTokens, numLogprobs } from "../protocol/prompt-limits.ts";
import type { EngineInfo } from "../protocol/protocol.ts";
import { type Filled, withAnswerOptions } from "./answer-options.ts";
import { type ApiContext, adapterField, unixSeconds } from "./api-context.ts";
import { badWordIds } from "./bad-words.ts";
import { BeamSearch } from "./beam-search.ts";
import {
  type CompletionPrompt,
  checkPromptCount,
  outputLimit,
  readPrompts,
  shownPrompt,
  showsPromptOnly,
} from "./completion-prompts.ts";
import { checkSuffix } from "./infill.ts";
import { abortAll, abortOnDisconnect } from "./output-streams.ts";
import { checkN, samplingParams } from "./sampling.ts";
import type { CompletionBody } from "./schemas.ts";
import type { AnswerInit } from "./started-chat.ts";
import { everyTokens } from "./stream-interval.ts";
import { checkCompletionFeatures, checkStreamOptions } from "./unsupported.ts";

/** A validated and queued request. */
export interface StartedCompletion {
  readonly context: ApiContext;
  readonly body: Filled<CompletionBody>;
  readonly id: string;
  readonly createdS: number;
  /** Number of sequences to generate from each prompt. */
  readonly n: number;
  readonly prompts: readonly CompletionPrompt[];
  /** Total for all prompts. */
  readonly numPromptTokens: number;
  readonly streams: readonly OutputStream[];
}

/** Starts a completion. If it is refused, the promise is rejected and nothing stays queued. */
export async function startCompletion(
  context: ApiContext,
  given: CompletionBody,
  { id, arrivalMs, signal }: AnswerInit,
): Promise<StartedCompletion> {
  checkStreamOptions(given);
  const body = withAnswerOptions(context.answers, given);
  checkCompletionFeatures(body);
  checkSuffix(context, body);
  const n = checkN(context, body);
  checkPromptCount(context, body);
  const adapter = adapterField(context, body.model);
  const badWords = await badWordIds(context, body);
  const shared = { externalId: id, ...requestOf(context, body, badWords), ...adapter, arrivalMs };
  const streams = await queueAll(context, body, shared);
  abortOnDisconnect(signal, streams);
  try {
    const shown = streams.map((one, i) => shownPrompt(context, body, one, i));
    const prompts = await Promise.all(shown);
    const numPromptTokens = prompts.reduce((sum, { ids }) => sum + ids.length, 0);
    const createdS = unixSeconds();
    return { context, body, id, createdS, n, prompts, numPromptTokens, streams };
  } catch (error) {
    abortAll(streams);
    throw error;
  }
}

type Shared = Omit<FrontRequest, "prompt">;

/** Queues all prompts, or none of them if any does not fit or there is not enough capacity for all. */
async function queueAll(
  context: ApiContext,
  body: CompletionBody,
  shared: Shared,
): Promise<OutputStream[]> {
  const { front } = context;
  const numSequences = shared.samplingParams.n * (body.prompt?.length ?? 0);
  const reservation = front.reserve(numSequences, shared.externalId);
  try {
    const prompts = await readPrompts(context, body);
    const known = prompts.filter((prompt) => prompt instanceof Int32Array);
    checkNumLogprobs(known.reduce((sum, ids) => sum + logprobsOf(front.info, shared, ids), 0));
    reservation.addTokens(prompts.reduce((sum, prompt) => sum + knownTokens(prompt), 0));
    const interval = body.stream ? context.answers.streamInterval : 1;
    const { length_penalty: lengthPenalty } = body;
    const queued = (request: FrontRequest) =>
      body.use_beam_search
        ? new BeamSearch(front, request, { lengthPenalty, reservation })
        : front.generate(request, reservation);
    return prompts.map((prompt) => everyTokens(queued({ prompt, ...shared }), interval));
  } finally {
    reservation.release();
  }
}

/** @throws RequestError for a prompt that does not fit */
function logprobsOf(info: EngineInfo, shared: Shared, ids: Int32Array): number {
  return numLogprobs(shared.samplingParams, ids.length, fitMaxTokens(info, shared, ids));
}

function requestOf(
  context: ApiContext,
  body: CompletionBody,
  badWords: readonly (readonly number[])[],
): Omit<Shared, "arrivalMs" | "externalId"> {
  const limit = outputLimit(body);
  const params = samplingParams(context, {
    body,
    logprobs: body.logprobs,
    promptLogprobs: body.prompt_logprobs ?? (body.echo ? body.logprobs : null),
    // Echoing only the prompt still takes one step; its token is not shown.
    maxTokens: showsPromptOnly(body) ? 1 : (limit ?? context.front.info.maxModelLen),
    badWords,
  });
  const { priority, cache_salt: cacheSalt } = body;
  const mustFit = (body.max_tokens ?? null) !== null;
  const reportsProgress = body.stream && body.return_progress;
  return { samplingParams: params, mustFit, reportsProgress, priority, cacheSalt };
}
