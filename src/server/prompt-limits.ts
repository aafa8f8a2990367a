// Length checks between a prompt, the requested tokens and the model's context; never truncates.

import { RequestError } from "../errors.ts";
import type { ServerContext } from "./server-context.ts";

/** No tokenizer gets more text than this into a token on average; longer texts are not tokenised. */
const MAX_CHARACTERS_PER_TOKEN = 64;

/**
 * @param length characters of the whole prompt
 * @throws RequestError "context_length"
 */
export function checkPromptLength(context: ServerContext, length: number): void {
  const { maxModelLen } = context.engine.client.info;
  if (length <= maxModelLen * MAX_CHARACTERS_PER_TOKEN) return;
  throw tooLong(maxModelLen, `at least ${Math.ceil(length / MAX_CHARACTERS_PER_TOKEN)}`);
}

/** @throws RequestError "context_length" or "invalid_value" */
export function checkPromptIds(context: ServerContext, ids: Int32Array | readonly number[]): void {
  const { maxModelLen, model } = context.engine.client.info;
  if (ids.length === 0) {
    throw new RequestError("invalid_value", "The decoder prompt cannot be empty", "prompt");
  }
  const bad = ids.find((id) => id < 0 || id >= model.vocabSize);
  if (bad !== undefined) {
    throw new RequestError("invalid_value", `Token id ${bad} is out of vocabulary`, "prompt");
  }
  if (ids.length >= maxModelLen) throw tooLong(maxModelLen, String(ids.length));
}

/**
 * @param requested the client's limit; null = `fallback`, or the rest of the context
 * @throws RequestError "context_length" when prompt and limit exceed the context
 */
export function resolveMaxTokens(
  context: ServerContext,
  numPromptTokens: number,
  requested: number | null,
  fallback: number | null = null,
): number {
  const { maxModelLen } = context.engine.client.info;
  const room = maxModelLen - numPromptTokens;
  if (requested === null) return fallback === null ? room : Math.min(fallback, room);
  if (requested < 1) {
    throw new RequestError(
      "invalid_value",
      `max_tokens must be at least 1, got ${requested}.`,
      "max_tokens",
    );
  }
  if (requested <= room) return requested;
  throw new RequestError(
    "context_length",
    `'max_tokens' or 'max_completion_tokens' is too large: ${requested}. This model's maximum ` +
      `context length is ${maxModelLen} tokens and your request has ${numPromptTokens} input ` +
      `tokens (${requested} > ${maxModelLen} - ${numPromptTokens}).`,
  );
}

function tooLong(maxModelLen: number, numTokens: string): RequestError {
  return new RequestError(
    "context_length",
    `This model's maximum context length is ${maxModelLen} tokens. However, your request has ` +
      `${numTokens} input tokens. Please reduce the length of the input messages.`,
  );
}
