// From a body's fields to SamplingParams: bounds and cross-field checks, in vLLM's words. What passes
// here is also valid in the float32 and int32 of a step's arrays: a value that native refuses would
// fail the other requests of its step.

import { RequestError } from "../errors.ts";
import type { SamplingDefaults, SamplingParams } from "../request/sampling-params.ts";
import type { SamplingBody } from "./schemas.ts";
import type { ServerContext } from "./server-context.ts";

export interface SamplingInput {
  readonly body: SamplingBody;
  /** Likeliest tokens to report; null = no logprobs. */
  readonly logprobs: number | null;
  readonly promptLogprobs: number | null;
  /** At most: less where the context ends before. */
  readonly maxTokens: number;
}

/** @throws RequestError "invalid_value" */
export function samplingParams(context: ServerContext, input: SamplingInput): SamplingParams {
  const { body, logprobs, promptLogprobs } = input;
  const sampling = samplingOf(context, body);
  checkNumbers(body, sampling);
  checkCounts(context, input);
  checkStops(context, body.stop);
  checkStopTokenIds(context, body.stop_token_ids);
  checkAllowed(context, body.allowed_token_ids);
  const { vocabSize } = context.engine.client.info.model;
  return {
    n: body.n,
    ...sampling,
    topK: sampling.topK < vocabSize ? Math.max(0, sampling.topK) : 0,
    presencePenalty: body.presence_penalty,
    frequencyPenalty: body.frequency_penalty,
    seed: body.seed === null || body.seed === -1 ? null : BigInt.asUintN(64, BigInt(body.seed)),
    stop: body.stop,
    stopTokenIds: body.stop_token_ids,
    includeStopStrInOutput: body.include_stop_str_in_output,
    ignoreEos: body.ignore_eos,
    maxTokens: Math.min(input.maxTokens, context.samplingDefaults.maxTokens ?? input.maxTokens),
    minTokens: body.min_tokens,
    logprobs,
    promptLogprobs,
    logitBias: readLogitBias(context, body.logit_bias),
    allowedTokenIds: body.allowed_token_ids,
    skipSpecialTokens: body.skip_special_tokens,
  };
}

type Sampling = Omit<SamplingDefaults, "maxTokens">;

function samplingOf({ samplingDefaults: defaults }: ServerContext, body: SamplingBody): Sampling {
  return {
    temperature: body.temperature ?? defaults.temperature,
    topK: body.top_k ?? defaults.topK,
    topP: body.top_p ?? defaults.topP,
    minP: body.min_p ?? defaults.minP,
    repetitionPenalty: body.repetition_penalty ?? defaults.repetitionPenalty,
  };
}

/** Before room is taken for them. @throws RequestError "invalid_value" */
export function checkN(context: ServerContext, body: SamplingBody): void {
  const { maxN } = context.limits;
  const { n } = body;
  const { temperature } = samplingOf(context, body);
  if (n < 1) refuse(`n must be at least 1, got ${n}.`);
  if (n > maxN) refuse(`n must be at most ${maxN}, got ${n}.`);
  if (n > 1 && temperature < 1e-5) refuse(`n must be 1 when using greedy sampling, got ${n}.`);
}

function refuse(message: string, param: string | null = null): never {
  throw new RequestError("invalid_value", message, param);
}

/** A float as Python prints it. */
function pythonFloat(value: number): string {
  return Number.isInteger(value) ? `${value}.0` : String(value);
}

function checkNumbers(body: SamplingBody, sampling: Sampling): void {
  const { temperature, topK, topP, minP, repetitionPenalty } = sampling;
  for (const name of ["presence_penalty", "frequency_penalty"] as const) {
    const value = body[name];
    if (value < -2 || value > 2) refuse(`${name} must be in [-2, 2], got ${pythonFloat(value)}.`);
  }
  if (Math.fround(repetitionPenalty) <= 0) {
    refuse(`repetition_penalty must be greater than zero, got ${pythonFloat(repetitionPenalty)}.`);
  }
  if (temperature < 0) {
    refuse(`temperature must be non-negative, got ${pythonFloat(temperature)}.`);
  }
  checkFloat("temperature", temperature);
  checkFloat("repetition_penalty", repetitionPenalty);
  if (Math.fround(topP) <= 0 || topP > 1) {
    refuse(`top_p must be in (0, 1], got ${pythonFloat(topP)}.`);
  }
  if (topK < -1) refuse(`top_k must be 0 (disable), or at least 1, got ${topK}.`);
  if (minP < 0 || minP > 1) refuse(`min_p must be in [0, 1], got ${pythonFloat(minP)}.`);
}

function checkFloat(name: string, value: number): void {
  if (!Number.isFinite(Math.fround(value))) refuse(`${name} is too large.`, name);
}

function checkCounts(context: ServerContext, input: SamplingInput): void {
  const { body, logprobs, promptLogprobs, maxTokens } = input;
  if (body.min_tokens < 0) {
    refuse(`min_tokens must be greater than or equal to 0, got ${body.min_tokens}.`);
  }
  if (maxTokens < 1) refuse(`max_tokens must be at least 1, got ${maxTokens}.`, "max_tokens");
  checkLogprobs(context, "sample logprobs", logprobs);
  checkLogprobs(context, "prompt logprobs", promptLogprobs);
}

function checkLogprobs(context: ServerContext, name: string, count: number | null): void {
  if (count === null) return;
  if (count < 0) refuse(`${name} must be non-negative, got ${count}.`);
  const { maxLogprobs } = context;
  if (count > maxLogprobs) {
    refuse(`Requested ${name} of ${count}, which is greater than max allowed: ${maxLogprobs}`);
  }
}

function checkStops(context: ServerContext, stops: readonly string[]): void {
  const { maxStops } = context.limits;
  if (stops.includes("")) refuse("stop cannot contain an empty string.");
  if (stops.length > maxStops) {
    refuse(`stop can have at most ${maxStops} strings, got ${stops.length}.`, "stop");
  }
  if (stops.some((stop) => stop.length > 1024)) {
    refuse("a stop string can have at most 1024 characters.", "stop");
  }
}

function checkStopTokenIds(context: ServerContext, ids: readonly number[]): void {
  const { vocabSize } = context.engine.client.info.model;
  const { maxStopTokenIds } = context.limits;
  if (ids.length > maxStopTokenIds) {
    refuse(`stop_token_ids can have at most ${maxStopTokenIds} ids.`, "stop_token_ids");
  }
  const bad = ids.find((id) => id < 0 || id >= vocabSize);
  if (bad !== undefined) refuse(`Token id ${bad} is out of vocabulary`, "stop_token_ids");
}

function checkAllowed(context: ServerContext, ids: readonly number[] | null): void {
  const { vocabSize } = context.engine.client.info.model;
  if (ids === null) return;
  if (ids.length === 0) refuse("allowed_token_ids is not None and empty!");
  if (ids.some((id) => id < 0 || id >= vocabSize)) {
    refuse("allowed_token_ids contains out-of-vocab token id!");
  }
}

function readLogitBias(
  context: ServerContext,
  bias: SamplingBody["logit_bias"],
): [number, number][] {
  const { vocabSize } = context.engine.client.info.model;
  const { maxLogitBias } = context.limits;
  const entries = Object.entries(bias ?? {});
  if (entries.length > maxLogitBias) {
    refuse(`logit_bias can have at most ${maxLogitBias} entries.`, "logit_bias");
  }
  return entries.map(([key, value]) => {
    const id = /^-?\d+$/.test(key) ? Number(key) : Number.NaN;
    if (!(id >= 0 && id < vocabSize)) {
      refuse(
        `token_id(s) [${key.slice(0, 20)}] in logit_bias contain out-of-vocab token ids. Vocabulary size: ${vocabSize}`,
        "logit_bias",
      );
    }
    return [id, Math.min(100, Math.max(-100, value))];
  });
}
