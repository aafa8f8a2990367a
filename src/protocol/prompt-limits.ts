// Checks that a prompt and the requested tokens fit the model's context. Never truncates a prompt.

import { RequestError } from "../errors.ts";
import type { Integer } from "../json.ts";
import { type SamplingParams, USUAL_LOGPROBS } from "../request/sampling-params.ts";
import type { EngineInfo, EngineRequest } from "./protocol.ts";

/** Upper bound on the average characters per token in any tokenizer. Longer text is refused without tokenizing. */
const MAX_CHARACTERS_PER_TOKEN = 64;

/**
 * Number of contexts up to which a prompt's tokens are counted, so an error can report by how much the prompt
 * exceeds the limit. vLLM counts all tokens.
 */
const COUNTED_CONTEXTS = 8;
/** Limit per response; applies only to requests for more than USUAL_LOGPROBS. */
const MAX_LOGPROBS = 2_000_000;

/**
 * @param length length of the whole prompt, characters
 * @throws RequestError "context_length"
 */
export function checkPromptLength({ maxModelLen }: EngineInfo, length: number): void {
  if (length <= maxModelLen * MAX_CHARACTERS_PER_TOKEN) return;
  throw tooLong(maxModelLen, `at least ${Math.ceil(length / MAX_CHARACTERS_PER_TOKEN)}`);
}

/** Number of tokens after which a tokenizer stops counting a prompt. */
export function maxCountedTokens({ maxModelLen }: EngineInfo): number {
  return maxModelLen * COUNTED_CONTEXTS;
}

/**
 * Checks the ids of text that was tokenized with maxCountedTokens() as the limit.
 * @returns the same ids
 * @throws RequestError "context_length" if there are more than the limit
 */
export function checkCountedIds(info: EngineInfo, ids: Int32Array): Int32Array {
  if (ids.length <= maxCountedTokens(info)) return ids;
  throw tooLong(info.maxModelLen, `at least ${ids.length}`);
}

/**
 * @returns maximum number of tokens that the request can generate, at least 1
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

/** @returns number of log-probabilities that count toward the response's limit; 0 for nearly all requests */
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
    `The request could return ${count} log-probabilities, but a response is limited to ${MAX_LOGPROBS}. ` +
      "Request fewer tokens or fewer log-probabilities per token.",
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

const OVERFLOW =
  /maximum context length is (\d+) tokens\. However, your request has (?:at least )?(\d+) input/;

/**
 * Reads the numbers from the error for a prompt that is too long. An error from another process keeps only its code
 * and message.
 * @returns null for any other error
 */
export function overflowOf(error: unknown): { numTokens: number; maxModelLen: number } | null {
  const isOverflow = error instanceof RequestError && error.code === "context_length";
  const [, max, num] = (isOverflow && OVERFLOW.exec(error.message)) || [];
  return max === undefined ? null : { numTokens: Number(num), maxModelLen: Number(max) };
}

function tooLong(maxModelLen: number, numTokens: string): RequestError {
  return new RequestError(
    "context_length",
    `This model's maximum context length is ${maxModelLen} tokens. However, your request has ` +
      `${numTokens} input tokens. Please reduce the length of the input messages.`,
  );
}
