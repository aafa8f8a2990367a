// Server-wide options of answers, and how they complete a body.

import type { SamplingBody } from "./schemas.ts";

export interface AnswerOptions {
  /** Role of a chat's answer, unless it continues the last message. */
  readonly role: string;
  /** Number of tokens per event of a stream, >= 1. */
  readonly streamInterval: number;
  /** Whether streams end with the usage even if a request does not ask for it. */
  readonly forcesUsage: boolean;
  /** Whether usage shows the number of cached prompt tokens even if it is 0. */
  readonly showsNoCachedTokens: boolean;
  /** Whether log-probabilities name tokens by ID if a request does not say. */
  readonly namesTokensById: boolean;
}

export const DEFAULT_ANSWER_OPTIONS: AnswerOptions = {
  role: "assistant",
  streamInterval: 1,
  forcesUsage: false,
  showsNoCachedTokens: false,
  namesTokensById: false,
};

/** A body in which the server's options have been filled in. */
export type Filled<Body> = Body & { readonly return_tokens_as_token_ids: boolean };

/** Fills in what a body leaves to the server. */
export function withAnswerOptions<Body extends SamplingBody>(
  { forcesUsage, namesTokensById }: AnswerOptions,
  body: Body,
): Filled<Body> {
  const { stream, stream_options: options, return_tokens_as_token_ids: byId } = body;
  const filled = { ...body, return_tokens_as_token_ids: byId ?? namesTokensById };
  if (!forcesUsage || !stream) return filled;
  const continuousUsageStats = options?.continuousUsageStats ?? false;
  return {
    ...filled,
    stream_options: { includeUsage: true, continuousUsageStats, isEmpty: false },
  };
}
