// The prompts of a text completion: counted, tokenised and checked, with the texts that `echo` shows.

import { RequestError } from "../errors.ts";
import { tokenText } from "./logprobs.ts";
import { checkPromptIds, checkPromptLength } from "./prompt-limits.ts";
import type { CompletionBody, Prompt } from "./schemas.ts";
import type { ServerContext } from "./server-context.ts";

export interface CompletionPrompt {
  readonly ids: Int32Array;
  /** Filled only where `echo` shows it. */
  readonly text: string;
  /** The first token as text; filled only where `echo` shows it with log-probabilities. */
  readonly firstToken: string;
}

/** Before any is tokenised. @throws RequestError "invalid_value" */
export function checkPromptCount(context: ServerContext, body: CompletionBody): void {
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

/** @throws RequestError "invalid_value" or "context_length" */
export function readPrompts(
  context: ServerContext,
  body: CompletionBody,
): Promise<CompletionPrompt[]> {
  const prompts = body.prompt ?? [];
  return Promise.all(prompts.map((prompt) => readPrompt(context, body, prompt)));
}

async function readPrompt(
  context: ServerContext,
  body: CompletionBody,
  prompt: Prompt,
): Promise<CompletionPrompt> {
  const { client } = context.engine;
  if (typeof prompt === "string") checkPromptLength(context, prompt.length);
  const given =
    typeof prompt === "string" ? await client.encode(prompt, body.add_special_tokens) : prompt;
  checkPromptIds(context, given);
  const ids = Int32Array.from(given);
  if (!body.echo) return { ids, text: "", firstToken: "" };
  const text =
    typeof prompt === "string" ? prompt : await client.decode(ids, body.skip_special_tokens);
  const first = ids.subarray(0, 1);
  const [bytes = new Uint8Array()] = body.logprobs === null ? [] : await client.tokenBytes(first);
  const firstToken = tokenText({ tokenId: first[0] ?? 0, bytes }, body.return_tokens_as_token_ids);
  return { ids, text, firstToken };
}

/** `echo` with max_tokens 0. */
export function showsPromptOnly(body: CompletionBody): boolean {
  return body.echo && body.max_tokens === 0;
}
