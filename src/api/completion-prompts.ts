// Checks a text completion's prompts, prepares them for the engine, and shows them if `echo` is set.

import { RequestError } from "../errors.ts";
import type { OutputStream } from "../front/output-stream.ts";
import {
  checkCountedIds,
  checkPromptIds,
  checkPromptLength,
  maxCountedTokens,
} from "../protocol/prompt-limits.ts";
import type { Prompt } from "../protocol/protocol.ts";
import type { Filled } from "./answer-options.ts";
import type { ApiContext } from "./api-context.ts";
import type { Prompt as BodyPrompt } from "./field-types.ts";
import { infillPrompt } from "./infill.ts";
import { tokenText } from "./logprobs.ts";
import { maxPromptTokens, truncatedIds } from "./prompt-truncation.ts";
import type { CompletionBody } from "./schemas.ts";

export interface CompletionPrompt {
  readonly ids: Int32Array;
  /** Text of the prompt; empty if `echo` is not set. */
  readonly text: string;
  /** The first token as text, used only if `echo` shows log-probabilities. */
  readonly firstToken: string;
}

/** Limit for requests that set none. As in vLLM, an explicit null requests as many tokens as fit. */
const DEFAULT_MAX_TOKENS = 16;

/** @returns the maximum number of tokens to generate; null = as many as fit */
export function outputLimit({ max_tokens: limit = DEFAULT_MAX_TOKENS }: CompletionBody) {
  return limit;
}

/** Called before any prompt is tokenized. @throws RequestError "invalid_value" */
export function checkPromptCount(context: ApiContext, body: CompletionBody): void {
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
}

/**
 * Prepares prompts for the engine. A single text prompt is tokenized when it is queued, which saves a round
 * trip. If there are several prompts, all are tokenized before the first is queued.
 * @throws RequestError "context_length" or "invalid_value"
 */
export async function readPrompts(context: ApiContext, body: CompletionBody): Promise<Prompt[]> {
  const { calls, info } = context.front;
  const addSpecial = body.add_special_tokens;
  const prompts = body.prompt ?? [];
  const { fimTokenIds: fim } = info.model;
  const { suffix } = body;
  if (suffix && fim !== null) {
    return Promise.all(prompts.map((prompt) => infillPrompt(context, prompt, { suffix, fim })));
  }
  const maxTokens = maxPromptTokens(context, body, outputLimit(body));
  if (maxTokens !== null) {
    return Promise.all(prompts.map((prompt) => truncatedPrompt(context, body, prompt, maxTokens)));
  }
  return Promise.all(
    prompts.map(async (prompt) => {
      if (typeof prompt !== "string") {
        // Checks the IDs before they are truncated to 32 bits.
        checkPromptIds(info, prompt);
        return Int32Array.from(prompt, Number);
      }
      checkPromptLength(info, prompt.length);
      if (prompts.length === 1) return { text: prompt, addSpecial };
      const ids = await calls.encode(prompt, addSpecial, maxCountedTokens(info));
      return checkCountedIds(info, ids);
    }),
  );
}

async function truncatedPrompt(
  { front }: ApiContext,
  { add_special_tokens: addSpecial }: CompletionBody,
  prompt: BodyPrompt,
  maxTokens: number,
): Promise<Int32Array> {
  if (typeof prompt !== "string") {
    const ids = maxTokens === 0 ? [] : prompt.slice(-maxTokens);
    checkPromptIds(front.info, ids);
    return Int32Array.from(ids, Number);
  }
  const hasBos = addSpecial && front.info.model.addBos;
  return truncatedIds(await front.calls.encode(prompt, addSpecial), maxTokens, hasBos ? 1 : 0);
}

/** Waits until prompt `index` is tokenized. @returns the parts of the prompt that the response shows */
export async function shownPrompt(
  context: ApiContext,
  body: Filled<CompletionBody>,
  { promptTokenIds }: OutputStream,
  index: number,
): Promise<CompletionPrompt> {
  const ids = await promptTokenIds;
  if (!body.echo) return { ids, text: "", firstToken: "" };
  const { calls } = context.front;
  const given = body.prompt?.[index];
  // The echoed prompt includes special tokens, even if the generated text omits them.
  const text = typeof given === "string" ? given : await calls.decode(ids, false);
  const first = ids.subarray(0, 1);
  const [bytes = new Uint8Array()] = body.logprobs === null ? [] : await calls.tokenBytes(first);
  const firstToken = tokenText({ tokenId: first[0] ?? 0, bytes }, body.return_tokens_as_token_ids);
  return { ids, text, firstToken };
}

/** @returns true if the body requests `echo` with `max_tokens` set to 0 */
export function showsPromptOnly(body: CompletionBody): boolean {
  return body.echo && body.max_tokens === 0;
}
