// A text completion on its way, whoever asked for it: its body checked, its prompts read and queued.

import type { Generation } from "../engine/generation.ts";
import type { SamplingParams } from "../request/sampling-params.ts";
import type { RunInit } from "./chat-run.ts";
import { type CompletionPrompt, readPrompts, showsPromptOnly } from "./completion-prompts.ts";
import { abortAll } from "./generations.ts";
import { resolveMaxTokens } from "./prompt-limits.ts";
import { samplingParams } from "./sampling.ts";
import type { CompletionBody } from "./schemas.ts";
import { type ServerContext, unixSeconds } from "./server-context.ts";
import { checkCompletionFeatures, checkStreamOptions } from "./unsupported.ts";

const DEFAULT_MAX_TOKENS = 16;

/** A validated request on its way. */
export interface CompletionRun {
  readonly context: ServerContext;
  readonly body: CompletionBody;
  readonly id: string;
  readonly createdS: number;
  readonly prompts: readonly CompletionPrompt[];
  /** Of all prompts together. */
  readonly numPromptTokens: number;
  readonly generations: readonly Generation[];
}

/** Everything that can be refused happens here, before anything is queued. */
export async function startCompletion(
  context: ServerContext,
  body: CompletionBody,
  { id, arrivalMs }: RunInit,
): Promise<CompletionRun> {
  checkStreamOptions(body);
  checkCompletionFeatures(body);
  const prompts = await readPrompts(context, body);
  const params = prompts.map(({ ids }) => paramsOf(context, body, ids.length));
  const generations = startAll(context, body, prompts, params, arrivalMs);
  const numPromptTokens = prompts.reduce((sum, { ids }) => sum + ids.length, 0);
  return { context, body, id, createdS: unixSeconds(), prompts, numPromptTokens, generations };
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
