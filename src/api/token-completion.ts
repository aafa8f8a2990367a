// Tokens in, tokens out (/inference/v1/generate). Completes one prompt given as token IDs. The response contains only
// the generated IDs.

import { RequestError } from "../errors.ts";
import type { DecodedLogprob, PositionLogprobs } from "../request/logprobs.ts";
import { type Choice, choiceAt, makeChoices, promptDetails, usage } from "./choice.ts";
import { type ChunkWriter, dataEvent } from "./events.ts";
import { chatLogprobs, promptLogprobs } from "./logprobs.ts";
import type { PromptOutput } from "./output-streams.ts";
import { parseBody } from "./parse-body.ts";
import type { JsonObject } from "./schema/json-value.ts";
import { COMPLETION_FIELDS, type CompletionBody, type GenerateBody } from "./schemas.ts";
import type { StartedCompletion } from "./started-completion.ts";

/**
 * Converts a body to a completion body. The body's own members override those in `sampling_params`.
 * @throws RequestError "invalid_schema" or "unsupported"
 */
export function completionBodyOf(body: GenerateBody): CompletionBody {
  const { token_ids: prompt, sampling_params: params, features, ...others } = body;
  if (features !== null) {
    const message = "`features` is not supported: the served model is not a multimodal model.";
    throw new RequestError("unsupported", message, "features");
  }
  const fixed = { prompt, echo: false, suffix: null, best_of: null };
  return parseBody(COMPLETION_FIELDS, { ...params, ...others, ...fixed } as JsonObject);
}

function logprobsOf(
  { body }: StartedCompletion,
  positions: readonly PositionLogprobs<DecodedLogprob>[] | null,
) {
  return body.logprobs === null || positions === null ? null : chatLogprobs(positions, true);
}

export async function tokenAnswer(
  completion: StartedCompletion,
  outputs: AsyncIterable<PromptOutput>,
) {
  const choices = makeChoices(completion.n);
  for await (const { output } of outputs) choiceAt(choices, output.index).add(output);
  return {
    request_id: completion.id,
    choices: choices.map((choice, index) => choiceBody(completion, choice, index)),
    prompt_logprobs: promptLogprobs(choices[0]?.promptLogprobs ?? null),
    kv_transfer_params: null,
  };
}

function choiceBody(completion: StartedCompletion, choice: Choice, index: number) {
  return {
    index,
    logprobs: logprobsOf(completion, choice.logprobs),
    finish_reason: choice.finishReason,
    token_ids: choice.tokenIds,
  };
}

export class TokenChunkWriter implements ChunkWriter<PromptOutput> {
  readonly #completion: StartedCompletion;
  #numTokens = 0;
  #numCachedTokens = 0;

  constructor(completion: StartedCompletion) {
    this.#completion = completion;
  }

  event({ output }: PromptOutput): string {
    const { index, tokenIds, logprobs, finishReason } = output;
    this.#numTokens += tokenIds.length;
    if (index === 0) this.#numCachedTokens = output.numCachedTokens;
    return this.#event([
      {
        index,
        logprobs: logprobsOf(this.#completion, logprobs),
        finish_reason: finishReason,
        token_ids: tokenIds,
      },
    ]);
  }

  end(): string {
    const { body, context, numPromptTokens } = this.#completion;
    if (body.stream_options?.includeUsage !== true) return "";
    return this.#event([], {
      usage: {
        ...usage(numPromptTokens, this.#numTokens),
        prompt_tokens_details: promptDetails(context, this.#numCachedTokens) ?? undefined,
      },
    });
  }

  #event(choices: readonly object[], rest: object = {}): string {
    return dataEvent(JSON.stringify({ request_id: this.#completion.id, choices, ...rest }));
  }
}
