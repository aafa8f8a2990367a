// POST /v1/completions: one or several prompts, as text or token ids. Choices are numbered prompt by
// prompt: prompt p's sequence i is choice p * n + i.

import { Elysia } from "elysia";
import type { Generation } from "../engine/generation.ts";
import type { LogprobPosition } from "../engine/protocol.ts";
import type { SamplingParams } from "../request/sampling-params.ts";
import { type Choice, choiceAt, makeChoices, usage } from "./choice.ts";
import { CompletionChunkWriter, type CompletionRun } from "./completion-chunks.ts";
import { type CompletionPrompt, readPrompts, showsPromptOnly } from "./completion-prompts.ts";
import { errorBody } from "./error-response.ts";
import { parseBody } from "./fields.ts";
import { abortAll, abortOnDisconnect, mergeGenerations } from "./generations.ts";
import { jsonResponse } from "./json-response.ts";
import { completionLogprobs, echoLogprobs, promptLogprobs } from "./logprobs.ts";
import { resolveMaxTokens } from "./prompt-limits.ts";
import { readJsonBody } from "./read-body.ts";
import { samplingParams } from "./sampling.ts";
import { COMPLETION_FIELDS, type CompletionBody } from "./schemas.ts";
import {
  checkAccepting,
  checkModel,
  modelName,
  responseId,
  type ServerContext,
  unixSeconds,
} from "./server-context.ts";
import { DONE_EVENT, dataEvent, eventStream, eventStreamResponse } from "./sse.ts";
import { checkCompletionFeatures, checkStreamOptions } from "./unsupported.ts";

const DEFAULT_MAX_TOKENS = 16;

export function completionRoutes(context: ServerContext) {
  return new Elysia({ name: "completions" }).post(
    "/v1/completions",
    ({ request }) => handleCompletion(context, request),
    { parse: "none" },
  );
}

async function handleCompletion(context: ServerContext, request: Request): Promise<Response> {
  const run = await startCompletion(context, request);
  abortOnDisconnect(request, run.generations);
  if (!run.body.stream) return jsonResponse(await fullBody(run));
  const stream = eventStream(chunks(run), {
    keepAliveMs: context.keepAliveMs,
    onCancel: () => abortAll(run.generations),
  });
  return eventStreamResponse(stream);
}

/** Everything that can be refused happens here, before anything is queued. */
async function startCompletion(context: ServerContext, request: Request): Promise<CompletionRun> {
  checkAccepting(context);
  const arrivalMs = context.engine.nowMs();
  const json = await readJsonBody(request, context.limits.maxBodyBytes);
  const body = parseBody(COMPLETION_FIELDS, json);
  checkModel(context, body.model);
  checkStreamOptions(body);
  checkCompletionFeatures(body);
  const prompts = await readPrompts(context, body);
  const params = prompts.map(({ ids }) => paramsOf(context, body, ids.length));
  const id = responseId("cmpl", request, body.request_id);
  const generations = startAll(context, body, prompts, params, arrivalMs);
  return { context, body, id, createdS: unixSeconds(), prompts, generations };
}

/** All prompts are queued, or none. */
function startAll(
  context: ServerContext,
  body: CompletionBody,
  prompts: readonly CompletionPrompt[],
  params: readonly SamplingParams[],
  arrivalMs: number,
): Generation[] {
  const generations: Generation[] = [];
  try {
    prompts.forEach(({ ids }, i) => {
      const samplingParams = params[i];
      if (samplingParams === undefined) return;
      const { priority, cache_salt: cacheSalt } = body;
      const started = { promptTokenIds: ids, samplingParams, priority, cacheSalt, arrivalMs };
      generations.push(context.engine.generate(started));
    });
    return generations;
  } catch (error) {
    abortAll(generations);
    throw error;
  }
}

function paramsOf(context: ServerContext, body: CompletionBody, numPromptTokens: number) {
  // An echo of the prompt alone still needs one step, whose token is not shown.
  const requested = showsPromptOnly(body) ? 1 : body.max_tokens;
  return samplingParams(context, {
    body,
    logprobs: body.logprobs,
    promptLogprobs: body.prompt_logprobs ?? (body.echo ? body.logprobs : null),
    maxTokens: resolveMaxTokens(context, numPromptTokens, requested, DEFAULT_MAX_TOKENS),
  });
}

async function fullBody(run: CompletionRun) {
  const { body, context, prompts } = run;
  const choices = makeChoices(prompts.length * body.n);
  for await (const { promptIndex, output } of mergeGenerations(run.generations)) {
    choiceAt(choices, promptIndex * body.n + output.index).add(output);
  }
  const numPromptTokens = prompts.reduce((sum, { ids }) => sum + ids.length, 0);
  const numTokens = choices.reduce((sum, { tokenIds }) => sum + tokenIds.length, 0);
  return {
    id: run.id,
    object: "text_completion",
    created: run.createdS,
    model: modelName(context),
    choices: prompts.flatMap((prompt, promptIndex) => {
      const first = promptIndex * body.n;
      const siblings = choices.slice(first, first + body.n);
      // The prompt is computed once, so its log-probabilities come with the first choice.
      const positions = siblings[0]?.promptLogprobs ?? null;
      return siblings.map((choice, i) => choiceBody(body, prompt, positions, choice, first + i));
    }),
    service_tier: null,
    system_fingerprint: null,
    usage: { ...usage(numPromptTokens, numTokens), prompt_tokens_details: null },
    kv_transfer_params: null,
  };
}

function choiceBody(
  body: CompletionBody,
  prompt: CompletionPrompt,
  promptPositions: readonly LogprobPosition[] | null,
  choice: Choice,
  index: number,
) {
  const generated = showsPromptOnly(body) ? "" : choice.text;
  return {
    index,
    text: body.echo ? prompt.text + generated : generated,
    logprobs: body.logprobs === null ? null : choiceLogprobs(body, prompt, promptPositions, choice),
    finish_reason: choice.finishReason,
    stop_reason: choice.stopReason,
    token_ids: body.return_token_ids ? choice.tokenIds : null,
    prompt_logprobs: body.prompt_logprobs === null ? null : promptLogprobs(promptPositions),
    prompt_token_ids: body.return_token_ids ? [...prompt.ids] : null,
  };
}

function choiceLogprobs(
  body: CompletionBody,
  prompt: CompletionPrompt,
  promptPositions: readonly LogprobPosition[] | null,
  choice: Choice,
) {
  const asIds = body.return_tokens_as_token_ids;
  if (!body.echo) return completionLogprobs(choice.logprobs, asIds, 0);
  const generated = showsPromptOnly(body) ? [] : choice.logprobs;
  return echoLogprobs(prompt.firstToken, [...(promptPositions ?? []), ...generated], asIds);
}

/** Events of a streamed answer. Never throws: a late failure is an error event. */
async function* chunks(run: CompletionRun): AsyncGenerator<string> {
  const writer = new CompletionChunkWriter(run);
  try {
    for await (const { promptIndex, output } of mergeGenerations(run.generations)) {
      const event = writer.event(promptIndex, output);
      if (event !== "") yield event;
    }
    yield writer.end();
  } catch (error) {
    yield dataEvent(JSON.stringify(errorBody(error)));
  }
  yield DONE_EVENT;
}
