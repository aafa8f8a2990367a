// Fill-in-the-middle prompts for `suffix`: the model's tokens mark the text before the gap, the text after it, and
// the gap, in this order, as in llama-server's /infill and most models.

import { RequestError } from "../errors.ts";
import type { Integer } from "../json.ts";
import type { FimTokenIds } from "../protocol/model-info.ts";
import {
  checkCountedIds,
  checkPromptIds,
  checkPromptLength,
  maxCountedTokens,
} from "../protocol/prompt-limits.ts";
import type { ApiContext } from "./api-context.ts";
import type { Prompt } from "./field-types.ts";
import type { CompletionBody } from "./schemas.ts";

/** @throws RequestError "unsupported" or "invalid_value" if the body's suffix cannot be used */
export function checkSuffix({ front }: ApiContext, body: CompletionBody): void {
  if (!body.suffix) return;
  if (front.info.model.fimTokenIds === null) {
    throw new RequestError(
      "unsupported",
      "suffix is not currently supported: the served model has no fill-in-the-middle tokens.",
      "suffix",
    );
  }
  const other = (["echo", "truncate_prompt_tokens"] as const).find((name) => body[name]);
  if (other === undefined) return;
  throw new RequestError("invalid_value", `suffix cannot be combined with ${other}.`, "suffix");
}

/** @throws RequestError "context_length" or "invalid_value" */
export async function infillPrompt(
  context: ApiContext,
  prompt: Prompt,
  { suffix, fim }: { readonly suffix: string; readonly fim: FimTokenIds },
): Promise<Int32Array> {
  const { info } = context.front;
  const [before, after] = await Promise.all([idsOf(context, prompt), idsOf(context, suffix)]);
  // BOS comes before everything else, as in every other prompt.
  const bos = info.model.addBos ? await context.front.calls.encode("", true) : [];
  return Int32Array.of(...bos, fim.prefix, ...before, fim.suffix, ...after, fim.middle);
}

async function idsOf(
  { front }: ApiContext,
  text: string | readonly Integer[],
): Promise<Int32Array> {
  const { calls, info } = front;
  if (typeof text !== "string") {
    checkPromptIds(info, text);
    return Int32Array.from(text, Number);
  }
  checkPromptLength(info, text.length);
  return checkCountedIds(info, await calls.encode(text, false, maxCountedTokens(info)));
}
