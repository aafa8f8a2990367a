// Converts a body's fields to SamplingParams, with vLLM's bounds, cross-field checks and messages. Accepted values also
// fit in a step's float32 and int32 arrays: if native code refused a value, the other requests in the same step would
// fail too.

import { RequestError } from "../errors.ts";
import type { Integer } from "../json.ts";
import { pythonFloat } from "../metrics/number-format.ts";
import type { SamplingDefaults, SamplingParams } from "../request/sampling-params.ts";
import type { ApiContext } from "./api-context.ts";
import { shortened } from "./quote.ts";
import type { SamplingBody } from "./schemas.ts";
import { grammarOf } from "./structured-output.ts";

export interface SamplingInput {
  readonly body: SamplingBody;
  /** Number of most likely tokens to report; -1 = all, null = no log-probabilities. */
  readonly logprobs: Integer | null;
  readonly promptLogprobs: Integer | null;
  /** Maximum number of tokens; generation stops earlier if the context is full. */
  readonly maxTokens: Integer;
  /** @see badWordIds */
  readonly badWords: readonly (readonly number[])[];
}

/** @throws RequestError "invalid_value" */
export function samplingParams(context: ApiContext, input: SamplingInput): SamplingParams {
  const { body, logprobs, promptLogprobs, maxTokens, badWords } = input;
  const sampling = samplingOf(context, body);
  checkNumbers(body, sampling);
  checkCounts(context, input);
  checkStops(context, body.stop);
  checkStopTokenIds(context, body.stop_token_ids);
  checkAllowed(context, body.allowed_token_ids);
  checkSomeTokenIsLeft(context, body);
  const { vocabSize } = context.front.info.model;
  return {
    n: Number(body.n),
    ...sampling,
    topK: sampling.topK < vocabSize ? Math.max(0, Number(sampling.topK)) : 0,
    presencePenalty: body.presence_penalty,
    frequencyPenalty: body.frequency_penalty,
    seed: body.seed === null || body.seed === -1 ? null : BigInt.asUintN(64, BigInt(body.seed)),
    stop: body.stop,
    stopTokenIds: stopTokenIds(context, body),
    includeStopStrInOutput: body.include_stop_str_in_output,
    ignoreEos: body.ignore_eos,
    maxTokens: Math.min(Number(maxTokens), context.samplingDefaults.maxTokens ?? Infinity),
    minTokens: Number(body.min_tokens),
    logprobs: numLogprobs(context, "sample logprobs", logprobs),
    logprobsMode: context.answers.logprobsMode,
    promptLogprobs: numLogprobs(context, "prompt logprobs", promptLogprobs),
    logitBias: readLogitBias(context, body.logit_bias),
    allowedTokenIds: body.allowed_token_ids?.map(Number) ?? null,
    badWords,
    skipSpecialTokens: body.skip_special_tokens,
    grammar: grammarOf(body),
  };
}

/** Adds the end tokens from the generation config, as in vLLM's update_from_generation_config(). */
function stopTokenIds(context: ApiContext, body: SamplingBody): number[] {
  const { samplingDefaults, front } = context;
  const own = body.stop_token_ids.map(Number);
  if (body.ignore_eos) return own;
  const known = [...front.info.model.eosTokenIds, ...own];
  return [...own, ...samplingDefaults.stopTokenIds.filter((id) => !known.includes(id))];
}

interface Sampling extends Omit<SamplingDefaults, "maxTokens" | "topK" | "stopTokenIds"> {
  readonly topK: Integer;
}

function samplingOf({ samplingDefaults: defaults }: ApiContext, body: SamplingBody): Sampling {
  return {
    temperature: body.temperature ?? defaults.temperature,
    topK: body.top_k ?? defaults.topK,
    topP: body.top_p ?? defaults.topP,
    minP: body.min_p ?? defaults.minP,
    repetitionPenalty: body.repetition_penalty ?? defaults.repetitionPenalty,
  };
}

/** Checks n before capacity is reserved. @returns n @throws RequestError "invalid_value" */
export function checkN(context: ApiContext, body: SamplingBody): number {
  const { maxN } = context.limits;
  const { n } = body;
  const { temperature } = samplingOf(context, body);
  if (n < 1) refuse(`n must be at least 1, got ${n}.`);
  if (n > maxN) refuse(`n must be at most ${maxN}, got ${n}.`);
  // A beam search does not sample.
  if (n > 1 && temperature < 1e-5 && !body.use_beam_search)
    refuse(`n must be 1 when using greedy sampling, got ${n}.`);
  return Number(n);
}

function refuse(message: string, param: string | null = null): never {
  throw new RequestError("invalid_value", message, param);
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

/** Refuses counts that can never fit. The engine checks the limits that depend on the prompt's length. */
function checkCounts(context: ApiContext, { body, maxTokens }: SamplingInput): void {
  const { min_tokens: minTokens } = body;
  const { maxModelLen } = context.front.info;
  if (minTokens < 0) refuse(`min_tokens must be greater than or equal to 0, got ${minTokens}.`);
  if (maxTokens < 1) refuse(`max_tokens must be at least 1, got ${maxTokens}.`, "max_tokens");
  if (typeof maxTokens === "bigint") {
    refuse(
      `'max_tokens' or 'max_completion_tokens' is too large: ${maxTokens}. This model's maximum ` +
        `context length is ${maxModelLen} tokens.`,
    );
  }
  if (typeof minTokens === "bigint") {
    const max = Math.min(maxTokens, maxModelLen);
    refuse(`min_tokens must be less than or equal to max_tokens=${max}, got ${minTokens}.`);
  }
}

/** Checks a count and resolves -1, which requests the whole vocabulary. */
function numLogprobs(context: ApiContext, name: string, count: Integer | null): number | null {
  if (count === null) return null;
  if (count < -1) refuse(`${name} must be non-negative or -1, got ${count}.`);
  const { vocabSize } = context.front.info.model;
  const asked = count === -1 ? vocabSize : count;
  const max = context.maxLogprobs ?? vocabSize;
  if (asked > max) {
    refuse(`Requested ${name} of ${asked}, which is greater than max allowed: ${max}`);
  }
  return Math.min(Number(asked), vocabSize);
}

function checkStops(context: ApiContext, stops: readonly string[]): void {
  const { maxStops } = context.limits;
  if (stops.includes("")) refuse("stop cannot contain an empty string.");
  if (stops.length > maxStops) {
    refuse(`stop can have at most ${maxStops} strings, got ${stops.length}.`, "stop");
  }
  if (stops.some((stop) => stop.length > 1024)) {
    refuse("a stop string can have at most 1024 characters.", "stop");
  }
}

function checkStopTokenIds(context: ApiContext, ids: readonly Integer[]): void {
  const { vocabSize } = context.front.info.model;
  const { maxStopTokenIds } = context.limits;
  if (ids.length > maxStopTokenIds) {
    refuse(`stop_token_ids can have at most ${maxStopTokenIds} ids.`, "stop_token_ids");
  }
  const bad = ids.find((id) => id < 0 || id >= vocabSize);
  if (bad !== undefined) refuse(`Token id ${bad} is out of vocabulary`, "stop_token_ids");
}

function checkAllowed(context: ApiContext, ids: readonly Integer[] | null): void {
  const { vocabSize } = context.front.info.model;
  if (ids === null) return;
  if (ids.length === 0) refuse("allowed_token_ids is not None and empty!");
  if (ids.length > vocabSize) {
    const limit = `${vocabSize} ids, the size of the vocabulary`;
    refuse(`allowed_token_ids can have at most ${limit}.`, "allowed_token_ids");
  }
  if (ids.some((id) => id < 0 || id >= vocabSize)) {
    refuse("allowed_token_ids contains out-of-vocab token id!");
  }
}

/**
 * Refuses a request that leaves no token to sample: until min_tokens tokens are generated, tokens that end the
 * text are excluded. vLLM would sample token 0 in this case, whether it is allowed or not.
 */
function checkSomeTokenIsLeft(context: ApiContext, body: SamplingBody): void {
  const { eosTokenIds, vocabSize } = context.front.info.model;
  if (body.min_tokens < 1) return;
  const ends = new Set([...(body.ignore_eos ? [] : eosTokenIds), ...stopTokenIds(context, body)]);
  const allowed = body.allowed_token_ids;
  const isLeft =
    allowed === null ? ends.size < vocabSize : allowed.some((id) => !ends.has(Number(id)));
  if (isLeft) return;
  refuse(
    `min_tokens=${body.min_tokens} leaves no token to generate: every allowed token ends the text.`,
    allowed === null ? "stop_token_ids" : "allowed_token_ids",
  );
}

function readLogitBias(context: ApiContext, bias: SamplingBody["logit_bias"]): [number, number][] {
  const { vocabSize } = context.front.info.model;
  const { maxLogitBias } = context.limits;
  const entries = Object.entries(bias ?? {});
  if (entries.length > maxLogitBias) {
    refuse(`logit_bias can have at most ${maxLogitBias} entries.`, "logit_bias");
  }
  const biases = new Map<number, number>();
  for (const [key, value] of entries) {
    const id = biasedId(key, vocabSize);
    // JavaScript sorts members named by numbers, so which of the two came last is unknown.
    if (biases.has(id)) refuse(`logit_bias has two entries for token id ${id}.`, "logit_bias");
    biases.set(id, Math.min(100, Math.max(-100, value)));
  }
  return [...biases];
}

/** Reads a token ID as Python's int() does, which vLLM uses: surrounding spaces and a plus sign are allowed. */
function biasedId(key: string, vocabSize: number): number {
  const digits = key.trim();
  const id = /^[+-]?\d+$/.test(digits) ? Number(digits) : Number.NaN;
  if (id >= 0 && id < vocabSize) return Math.abs(id);
  return refuse(
    `token_id(s) [${shortened(key, 20)}] in logit_bias contain out-of-vocab token ids. Vocabulary size: ${vocabSize}`,
    "logit_bias",
  );
}
