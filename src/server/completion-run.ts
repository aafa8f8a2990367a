// A text completion on its way, whoever asked for it: its body checked, its prompts read and queued.

import type { Reservation } from "../engine/admission.ts";
import type { Generation } from "../engine/generation.ts";
import type { SamplingParams } from "../request/sampling-params.ts";
import type { RunInit } from "./chat-run.ts";
import {
  type CompletionPrompt,
  checkPromptCount,
  readPrompts,
  showsPromptOnly,
} from "./completion-prompts.ts";
import { resolveMaxTokens } from "./prompt-limits.ts";
import { checkN, samplingParams } from "./sampling.ts";
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
  checkN(context, body);
  checkPromptCount(context, body);
  const reservation = context.engine.reserve(body.n * (body.prompt?.length ?? 0));
  try {
    const prompts = await readPrompts(context, body);
    const params = prompts.map(({ ids }) => paramsOf(context, body, ids.length));
    const numPromptTokens = prompts.reduce((sum, { ids }) => sum + ids.length, 0);
    reservation.addTokens(numPromptTokens);
    const generations = startAll({ context, body, prompts, params, arrivalMs, reservation });
    return { context, body, id, createdS: unixSeconds(), prompts, numPromptTokens, generations };
  } finally {
    reservation.release();
  }
}

interface Start {
  readonly context: ServerContext;
  readonly body: CompletionBody;
  readonly prompts: readonly CompletionPrompt[];
  /** By prompt. */
  readonly params: readonly SamplingParams[];
  readonly arrivalMs: number;
  readonly reservation: Reservation;
}

/** All prompts are queued, or none: there is room for them, and a dead engine refuses the first. */
function startAll({ context, body, prompts, params, arrivalMs, reservation }: Start): Generation[] {
  const { priority, cache_salt: cacheSalt } = body;
  return prompts.flatMap(({ ids: promptTokenIds }, i) => {
    const samplingParams = params[i];
    if (samplingParams === undefined) return [];
    const request = { promptTokenIds, samplingParams, priority, cacheSalt, arrivalMs };
    return [context.engine.generate(request, reservation)];
  });
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
