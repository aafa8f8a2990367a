// POST /v1/completions: one or several prompts, as text or token ids. Choices are numbered prompt by
// prompt: prompt p's sequence i is choice p * n + i.

import { Elysia } from "elysia";
import type { Generation } from "../engine/generation.ts";
import { RequestError } from "../errors.ts";
import type { SamplingParams } from "../request/sampling-params.ts";
import { type Choice, choiceAt, isSilent, makeChoices, usage } from "./choice.ts";
import { CompletionChunkWriter } from "./completion-chunks.ts";
import { errorBody } from "./error-response.ts";
import { parseBody } from "./fields.ts";
import { abortAll, abortOnDisconnect, mergeGenerations } from "./generations.ts";
import { completionLogprobs, promptLogprobs, withFirstPromptToken } from "./logprobs.ts";
import { checkPromptIds, checkPromptText, resolveMaxTokens } from "./prompt-limits.ts";
import { readJsonBody } from "./read-body.ts";
import { samplingParams } from "./sampling.ts";
import { COMPLETION_FIELDS, type CompletionBody, type Prompt } from "./schemas.ts";
import {
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

export interface CompletionPrompt {
  readonly ids: Int32Array;
  /** Filled only where `echo` shows it. */
  readonly text: string;
}

/** A validated request on its way. */
export interface CompletionRun {
  readonly context: ServerContext;
  readonly body: CompletionBody;
  readonly id: string;
  readonly createdS: number;
  readonly prompts: readonly CompletionPrompt[];
  readonly generations: readonly Generation[];
}

async function handleCompletion(context: ServerContext, request: Request): Promise<Response> {
  const run = await startCompletion(context, request);
  abortOnDisconnect(request, run.generations);
  if (!run.body.stream) return Response.json(await fullBody(run));
  const stream = eventStream(chunks(run), {
    keepAliveMs: context.keepAliveMs,
    onCancel: () => abortAll(run.generations),
  });
  return eventStreamResponse(stream);
}

/** Everything that can be refused happens here, before anything is queued. */
async function startCompletion(context: ServerContext, request: Request): Promise<CompletionRun> {
  const arrivalMs = context.engine.nowMs();
  const json = await readJsonBody(request, context.limits.maxBodyBytes);
  const body = parseBody(COMPLETION_FIELDS, json);
  checkModel(context, body.model);
  checkStreamOptions(body);
  checkCompletionFeatures(body);
  const prompts = await readPrompts(context, body);
  const params = prompts.map(({ ids }) => paramsOf(context, body, ids.length));
  const generations = startAll(context, body, prompts, params, arrivalMs);
  const id = responseId("cmpl", request, body.request_id);
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

async function readPrompts(
  context: ServerContext,
  body: CompletionBody,
): Promise<CompletionPrompt[]> {
  const { maxPrompts } = context.limits;
  if (body.prompt === null) {
    throw new RequestError(
      "invalid_value",
      "Either prompt or prompt_embeds must be provided and non-empty.",
      "prompt",
    );
  }
  if (body.prompt.length === 0) {
    throw new RequestError("invalid_value", "please provide at least one prompt");
  }
  if (body.prompt.length > maxPrompts) {
    const got = body.prompt.length;
    throw new RequestError(
      "invalid_value",
      `at most ${maxPrompts} prompts are allowed in a request, got ${got}.`,
      "prompt",
    );
  }
  return Promise.all(body.prompt.map((prompt) => readPrompt(context, body, prompt)));
}

async function readPrompt(
  context: ServerContext,
  body: CompletionBody,
  prompt: Prompt,
): Promise<CompletionPrompt> {
  const { client } = context.engine;
  if (typeof prompt === "string") {
    checkPromptText(context, prompt);
    const ids = await client.encode(prompt, body.add_special_tokens);
    checkPromptIds(context, ids);
    return { ids, text: prompt };
  }
  const { vocabSize } = client.info.model;
  const bad = prompt.find((id) => id < 0 || id >= vocabSize);
  if (bad !== undefined) {
    throw new RequestError("invalid_value", `Token id ${bad} is out of vocabulary`, "prompt");
  }
  const ids = Int32Array.from(prompt);
  checkPromptIds(context, ids);
  return { ids, text: body.echo ? await client.decode(ids, body.skip_special_tokens) : "" };
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

/** `echo` with max_tokens 0. */
function showsPromptOnly(body: CompletionBody): boolean {
  return body.echo && body.max_tokens === 0;
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
    choices: choices.map((choice, index) => {
      const prompt = prompts[Math.floor(index / body.n)];
      return prompt && choiceBody(run, prompt, choice, index);
    }),
    service_tier: null,
    system_fingerprint: null,
    usage: { ...usage(numPromptTokens, numTokens), prompt_tokens_details: null },
    kv_transfer_params: null,
  };
}

function choiceBody(run: CompletionRun, prompt: CompletionPrompt, choice: Choice, index: number) {
  const { body } = run;
  const generated = showsPromptOnly(body) ? "" : choice.text;
  return {
    index,
    text: body.echo ? prompt.text + generated : generated,
    logprobs: body.logprobs === null ? null : choiceLogprobs(body, prompt, choice),
    finish_reason: choice.finishReason,
    stop_reason: choice.stopReason,
    token_ids: body.return_token_ids ? choice.tokenIds : null,
    prompt_logprobs: body.prompt_logprobs === null ? null : promptLogprobs(choice.promptLogprobs),
    prompt_token_ids: body.return_token_ids ? [...prompt.ids] : null,
  };
}

function choiceLogprobs(body: CompletionBody, prompt: CompletionPrompt, choice: Choice) {
  const asIds = body.return_tokens_as_token_ids;
  if (!body.echo) return completionLogprobs(choice.logprobs, asIds, 0);
  const generated = showsPromptOnly(body) ? [] : choice.logprobs;
  const positions = [...(choice.promptLogprobs ?? []), ...generated];
  const rest = completionLogprobs(positions, asIds, 0);
  const shown = rest.tokens.slice(0, choice.promptLogprobs?.length ?? 0).join("");
  const first = prompt.text.slice(0, Math.max(0, prompt.text.length - shown.length));
  const shifted = rest.text_offset.map((offset) => offset + first.length);
  return withFirstPromptToken({ ...rest, text_offset: shifted }, first);
}

/** Events of a streamed answer. Never throws: a late failure is an error event. */
async function* chunks(run: CompletionRun): AsyncGenerator<string> {
  const writer = new CompletionChunkWriter(run);
  try {
    for await (const { promptIndex, output } of mergeGenerations(run.generations)) {
      const event = writer.event(promptIndex, output, isSilent(output));
      if (event !== "") yield event;
    }
    yield writer.end();
  } catch (error) {
    yield dataEvent(JSON.stringify(errorBody(error)));
  }
  yield DONE_EVENT;
}
