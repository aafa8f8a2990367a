// Truncates prompts for `truncate_prompt_tokens`. As in vLLM, the end of a prompt is kept, preceded by the BOS token if
// the tokenizer added one.

import { RequestError } from "../errors.ts";
import type { Integer } from "../json.ts";
import type { ApiContext } from "./api-context.ts";
import type { SamplingBody } from "./schemas.ts";

/**
 * Resolves `truncate_prompt_tokens`, where -1 keeps as many tokens as fit.
 * @param maxTokens limit on the output; null = the rest of the context, at least one token
 * @returns the maximum number of prompt tokens to keep; null = do not truncate prompts
 * @throws RequestError "invalid_value"
 */
export function maxPromptTokens(
  { front }: ApiContext,
  { truncate_prompt_tokens: count }: Pick<SamplingBody, "truncate_prompt_tokens">,
  maxTokens: Integer | null,
): number | null {
  const { maxModelLen } = front.info;
  if (count === null) return null;
  if (count === -1) return Math.max(1, maxModelLen - Math.max(1, Number(maxTokens ?? 1)));
  if (count <= maxModelLen) return Number(count);
  throw new RequestError(
    "invalid_value",
    "truncate_prompt_tokens value is greater than max_model_len. Please, select a smaller truncation size.",
    "truncate_prompt_tokens",
  );
}

/** @param numKept number of tokens to keep at the start, which count toward `maxTokens` */
export function truncatedIds(ids: Int32Array, maxTokens: number, numKept = 0): Int32Array {
  if (ids.length <= maxTokens) return ids;
  const head = ids.subarray(0, Math.min(numKept, maxTokens));
  return Int32Array.of(...head, ...ids.subarray(ids.length - (maxTokens - head.length)));
}
