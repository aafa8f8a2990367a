// What fits between a prompt, the tokens asked for and the model's context; never truncates a prompt.

import { RequestError } from "../errors.ts";
import type { Integer } from "../json.ts";
import { type SamplingParams, USUAL_LOGPROBS } from "../request/sampling-params.ts";
import type { EngineInfo, EngineRequest } from "./protocol.ts";

/** Most characters that any tokenizer puts into a token on average; longer texts never reach one. */
const MAX_CHARACTERS_PER_TOKEN = 64;

/**
 * Tokens are counted up to this many contexts, so that an error can say how much a prompt exceeds the limit;
 * vLLM counts all.
 */
const COUNTED_CONTEXTS = 8;
/** Limit for an answer, counting only requests that ask for more than USUAL_LOGPROBS. */
const MAX_LOGPROBS = 2_000_000;

/**
 * @param length characters of the whole prompt
 * @throws RequestError "context_length"
 */
export function checkPromptLength({ maxModelLen }: EngineInfo, length: number): void {
  if (length <= maxModelLen * MAX_CHARACTERS_PER_TOKEN) return;
  throw tooLong(maxModelLen, `at least ${Math.ceil(length / MAX_CHARACTERS_PER_TOKEN)}`);
}

/** Limit up to which a prompt's tokens are counted; a tokenizer reads no further. */
export function maxCountedTokens({ maxModelLen }: EngineInfo): number {
  return maxModelLen * COUNTED_CONTEXTS;
}

/**
 * Checks the ids of a text that was tokenised with maxCountedTokens() as the limit.
 * @returns the same ids
 * @throws RequestError "context_length" when there are more
 */
export function checkCountedIds(info: EngineInfo, ids: Int32Array): Int32Array {
  if (ids.length <= maxCountedTokens(info)) return ids;
  throw tooLong(info.maxModelLen, `at least ${ids.length}`);
}

/**
 * @returns how many tokens the request may generate, at least 1
 * @throws RequestError "context_length" or "invalid_value"
 */
export function fitMaxTokens(
  info: EngineInfo,
  { samplingParams, mustFit }: Pick<EngineRequest, "samplingParams" | "mustFit">,
  promptTokenIds: Int32Array,
): number {
  checkPromptIds(info, promptTokenIds);
  const { maxModelLen } = info;
  const { maxTokens: requested, minTokens } = samplingParams;
  const room = maxModelLen - promptTokenIds.length;
  if (mustFit && requested > room) {
    throw new RequestError(
      "context_length",
      `'max_tokens' or 'max_completion_tokens' is too large: ${requested}. This model's maximum ` +
        `context length is ${maxModelLen} tokens and your request has ${promptTokenIds.length} input ` +
        `tokens (${requested} > ${maxModelLen} - ${promptTokenIds.length}).`,
    );
  }
  const maxTokens = Math.min(requested, room);
  if (minTokens > maxTokens) {
    throw new RequestError(
      "invalid_value",
      `min_tokens must be less than or equal to max_tokens=${maxTokens}, got ${minTokens}.`,
    );
  }
  checkNumLogprobs(numLogprobs(samplingParams, promptTokenIds.length, maxTokens));
  return maxTokens;
}

/** @returns log-probabilities of an answer that count toward its limit; 0 for nearly every request */
export function numLogprobs(
  { n, logprobs, promptLogprobs }: SamplingParams,
  promptLength: number,
  maxTokens: number,
): number {
  const beyond = (count: number | null) => ((count ?? 0) > USUAL_LOGPROBS ? (count ?? 0) : 0);
  return beyond(promptLogprobs) * promptLength + beyond(logprobs) * n * maxTokens;
}

/** @throws RequestError "invalid_value" */
export function checkNumLogprobs(count: number): void {
  if (count <= MAX_LOGPROBS) return;
  throw new RequestError(
    "invalid_value",
    `The request may give ${count} log-probabilities, and an answer holds at most ${MAX_LOGPROBS}. ` +
      "Ask for fewer tokens, or for fewer of the likeliest at each.",
  );
}

/** @throws RequestError "context_length" or "invalid_value" */
export function checkPromptIds(
  { maxModelLen, model }: EngineInfo,
  ids: Int32Array | readonly Integer[],
): void {
  if (ids.length === 0) {
    throw new RequestError("invalid_value", "The decoder prompt cannot be empty", "prompt");
  }
  const isUnknown = (id: Integer) => id < 0 || id >= model.vocabSize;
  const bad = ids instanceof Int32Array ? ids.find(isUnknown) : ids.find(isUnknown);
  if (bad !== undefined) {
    throw new RequestError("invalid_value", `Token id ${bad} is out of vocabulary`, "prompt");
  }
  if (ids.length >= maxModelLen) throw tooLong(maxModelLen, String(ids.length));
}

function tooLong(maxModelLen: number, numTokens: string): RequestError {
  return new RequestError(
    "context_length",
    `This model's maximum context length is ${maxModelLen} tokens. However, your request has ` +
      `${numTokens} input tokens. Please reduce the length of the input messages.`,
  );
}
