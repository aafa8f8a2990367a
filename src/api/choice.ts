// Accumulates the outputs for one choice: the text, tokens and finish reason so far.

import type { MessageParsing } from "../protocol/message-parsing.ts";
import { joinParts, type MessagePart } from "../protocol/message-part.ts";
import type { PredictionTokens, RequestOutput } from "../protocol/protocol.ts";
import type { DecodedLogprob, PositionLogprobs } from "../request/logprobs.ts";
import type { FinishReason } from "../request/request-status.ts";
import type { ApiContext } from "./api-context.ts";

export class Choice {
  text = "";
  finishReason: FinishReason | null = null;
  stopReason: string | number | null = null;
  promptLogprobs: readonly PositionLogprobs<DecodedLogprob>[] | null = null;
  numCachedTokens = 0;
  /** Parts of the parsed text; null if the text is not parsed. */
  parts: MessagePart[] | null = null;
  numReasoningTokens = 0;
  predictionTokens: PredictionTokens | null = null;
  readonly tokenIds: number[] = [];
  readonly logprobs: PositionLogprobs<DecodedLogprob>[] = [];

  add(output: RequestOutput): void {
    this.text += output.text;
    if (output.parts !== null) this.parts = joinParts(this.parts ?? [], output.parts);
    this.numReasoningTokens = output.numReasoningTokens;
    this.predictionTokens = output.predictionTokens;
    for (const id of output.tokenIds) this.tokenIds.push(id);
    for (const position of output.logprobs ?? []) this.logprobs.push(position);
    this.promptLogprobs ??= output.promptLogprobs;
    this.numCachedTokens = output.numCachedTokens;
    this.finishReason = output.finishReason;
    this.stopReason = output.stopReason;
  }
}

export function makeChoices(count: number): Choice[] {
  return Array.from({ length: count }, () => new Choice());
}

/** @returns the choice at an index reported by the engine */
export function choiceAt(choices: readonly Choice[], index: number): Choice {
  const choice = choices[index];
  if (choice === undefined) throw new Error(`no choice ${index}`);
  return choice;
}

/**
 * Number of prompt tokens found in the prefix cache. As in vLLM, null if there are none, unless the server always shows
 * the number.
 */
export function promptDetails({ answers }: ApiContext, numCachedTokens: number) {
  const isShown = numCachedTokens > 0 || answers.showsNoCachedTokens;
  return isShown ? { cached_tokens: numCachedTokens } : null;
}

type CompletionCounts = Pick<RequestOutput, "numReasoningTokens" | "predictionTokens">;

/**
 * @returns a member of `usage` with counts of all choices: reasoning tokens for a model with reasoning, and tokens of the
 * prediction if there is one; {} if there is neither
 */
export function completionDetails(
  parsing: MessageParsing | null,
  choices: readonly CompletionCounts[],
) {
  const hasReasoning = (parsing?.reasoningParser ?? null) !== null;
  const predicted = choices.flatMap(({ predictionTokens }) => predictionTokens ?? []);
  if (!hasReasoning && predicted.length === 0) return {};
  return {
    completion_tokens_details: {
      ...(hasReasoning && {
        reasoning_tokens: sum(choices, ({ numReasoningTokens }) => numReasoningTokens),
      }),
      ...(predicted.length > 0 && {
        accepted_prediction_tokens: sum(predicted, ({ numAccepted }) => numAccepted),
        rejected_prediction_tokens: sum(predicted, ({ numRejected }) => numRejected),
      }),
    },
  };
}

function sum<T>(items: readonly T[], count: (item: T) => number): number {
  return items.reduce((total, item) => total + count(item), 0);
}

export function usage(numPromptTokens: number, numCompletionTokens: number) {
  return {
    prompt_tokens: numPromptTokens,
    total_tokens: numPromptTokens + numCompletionTokens,
    completion_tokens: numCompletionTokens,
  };
}

/** @returns true if an output contains nothing to show the client, so it needs no event */
export function isSilent(output: RequestOutput, showsIds: boolean): boolean {
  if (output.text !== "" || (output.parts?.length ?? 0) > 0) return false;
  if (output.finishReason !== null || output.logprobs !== null) return false;
  return !showsIds || output.tokenIds.length === 0;
}
