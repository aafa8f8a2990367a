// From a body's fields to SamplingParams: bounds and cross-field checks, in vLLM's words.

import { RequestError } from "../errors.ts";
import type { SamplingParams } from "../request/sampling-params.ts";
import type { JsonObject } from "./fields.ts";
import type { SamplingBody } from "./schemas.ts";
import type { ServerContext } from "./server-context.ts";

export interface SamplingInput {
  readonly body: SamplingBody;
  /** Likeliest tokens to report; null = no logprobs. */
  readonly logprobs: number | null;
  readonly promptLogprobs: number | null;
  readonly maxTokens: number;
}

/** @throws RequestError "invalid_value" */
export function samplingParams(context: ServerContext, input: SamplingInput): SamplingParams {
  const { body, logprobs, promptLogprobs, maxTokens } = input;
  checkNumbers(body);
  checkCounts(context, input);
  checkStops(context, body.stop);
  checkTokenIds(context, "stop_token_ids", body.stop_token_ids);
  checkAllowed(context, body.allowed_token_ids);
  return {
    n: body.n,
    temperature: body.temperature,
    topK: Math.max(0, body.top_k),
    topP: body.top_p,
    minP: body.min_p,
    presencePenalty: body.presence_penalty,
    frequencyPenalty: body.frequency_penalty,
    repetitionPenalty: body.repetition_penalty,
    seed: body.seed === null || body.seed === -1 ? null : BigInt.asUintN(64, BigInt(body.seed)),
    stop: body.stop,
    stopTokenIds: body.stop_token_ids,
    includeStopStrInOutput: body.include_stop_str_in_output,
    ignoreEos: body.ignore_eos,
    maxTokens,
    minTokens: body.min_tokens,
    logprobs,
    promptLogprobs,
    logitBias: readLogitBias(context, body.logit_bias),
    allowedTokenIds: body.allowed_token_ids,
    skipSpecialTokens: body.skip_special_tokens,
  };
}

function refuse(message: string, param: string | null = null): never {
  throw new RequestError("invalid_value", message, param);
}

/** A float as Python prints it. */
function pythonFloat(value: number): string {
  return Number.isInteger(value) ? `${value}.0` : String(value);
}

function checkNumbers(body: SamplingBody): void {
  for (const name of ["presence_penalty", "frequency_penalty"] as const) {
    const value = body[name];
    if (value < -2 || value > 2) refuse(`${name} must be in [-2, 2], got ${pythonFloat(value)}.`);
  }
  if (body.repetition_penalty <= 0) {
    const got = pythonFloat(body.repetition_penalty);
    refuse(`repetition_penalty must be greater than zero, got ${got}.`);
  }
  if (body.temperature < 0) {
    refuse(`temperature must be non-negative, got ${pythonFloat(body.temperature)}.`);
  }
  if (body.top_p <= 0 || body.top_p > 1) {
    refuse(`top_p must be in (0, 1], got ${pythonFloat(body.top_p)}.`);
  }
  if (body.top_k < -1) {
    refuse(`top_k must be 0 (disable), or at least 1, got ${body.top_k}.`);
  }
  if (body.min_p < 0 || body.min_p > 1) {
    refuse(`min_p must be in [0, 1], got ${pythonFloat(body.min_p)}.`);
  }
}

function checkCounts(context: ServerContext, input: SamplingInput): void {
  const { body, logprobs, promptLogprobs, maxTokens } = input;
  const { maxN } = context.limits;
  if (body.n < 1) refuse(`n must be at least 1, got ${body.n}.`);
  if (body.n > maxN) refuse(`n must be at most ${maxN}, got ${body.n}.`);
  if (body.n > 1 && body.temperature < 1e-5) {
    refuse(`n must be 1 when using greedy sampling, got ${body.n}.`);
  }
  if (body.min_tokens < 0) {
    refuse(`min_tokens must be greater than or equal to 0, got ${body.min_tokens}.`);
  }
  if (body.min_tokens > maxTokens) {
    const least = `min_tokens must be less than or equal to max_tokens=${maxTokens}`;
    refuse(`${least}, got ${body.min_tokens}.`);
  }
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

function checkTokenIds(context: ServerContext, param: string, ids: readonly number[]): void {
  const { vocabSize } = context.engine.client.info.model;
  const bad = ids.find((id) => id < 0 || id >= vocabSize);
  if (bad !== undefined) refuse(`${param}: Token id ${bad} is out of vocabulary`, param);
}

function checkAllowed(context: ServerContext, ids: readonly number[] | null): void {
  const { vocabSize } = context.engine.client.info.model;
  if (ids === null) return;
  if (ids.length === 0) refuse("allowed_token_ids is not None and empty!");
  if (ids.some((id) => id < 0 || id >= vocabSize)) {
    refuse("allowed_token_ids contains out-of-vocab token id!");
  }
}

function readLogitBias(context: ServerContext, bias: JsonObject | null): [number, number][] {
  const { vocabSize } = context.engine.client.info.model;
  const { maxLogitBias } = context.limits;
  const entries = Object.entries(bias ?? {});
  if (entries.length > maxLogitBias) {
    refuse(`logit_bias can have at most ${maxLogitBias} entries.`, "logit_bias");
  }
  return entries.map(([key, value]) => {
    const id = Number(key);
    const amount = Number(value);
    if (!Number.isInteger(id) || typeof value === "boolean" || !Number.isFinite(amount)) {
      refuse(`logit_bias must map token ids to numbers, got ${key}.`, "logit_bias");
    }
    if (id < 0 || id >= vocabSize) {
      refuse(
        `token_id(s) [${id}] in logit_bias contain out-of-vocab token ids. Vocabulary size: ${vocabSize}`,
        "logit_bias",
      );
    }
    return [id, Math.min(100, Math.max(-100, amount))];
  });
}
