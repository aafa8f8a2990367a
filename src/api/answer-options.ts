// Server-wide options for responses, and how they complete request bodies.

import type { SamplingBody } from "./schemas.ts";

export interface AnswerOptions {
  /** Role of a chat's generated message, unless it continues the last message. */
  readonly role: string;
  /** Number of tokens per event of a stream, >= 1. */
  readonly streamInterval: number;
  /** True to end streams with the usage even if a request does not ask for it. */
  readonly forcesUsage: boolean;
  /** True to show the number of cached prompt tokens in the usage even if it is 0. */
  readonly showsNoCachedTokens: boolean;
  /** Whether answers have `timings`. */
  readonly showsTimings: boolean;
  /** Whether log-probabilities name tokens by ID if a request does not say. */
  readonly namesTokensById: boolean;
}

export const DEFAULT_ANSWER_OPTIONS: AnswerOptions = {
  role: "assistant",
  streamInterval: 1,
  forcesUsage: false,
  showsTimings: false,
  showsNoCachedTokens: false,
  namesTokensById: false,
};

/** A body completed with the server's options. */
export type Filled<Body> = Body & { readonly return_tokens_as_token_ids: boolean };

/** Completes the fields that a body does not set with the server's options. */
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
