// Server-wide options for responses, and the code that applies them to request bodies.

import type { LogprobsMode } from "../request/logprobs.ts";
import type { SamplingBody } from "./schemas.ts";

export interface AnswerOptions {
  /** Role of a chat's generated message, unless it continues the last message. */
  readonly role: string;
  /** Number of tokens per streamed event, at least 1. */
  readonly streamInterval: number;
  /** Whether streams end with usage data even if a request does not ask for it. */
  readonly forcesUsage: boolean;
  /** Whether `usage` shows the number of cached prompt tokens even if it is 0. */
  readonly showsNoCachedTokens: boolean;
  /** Whether responses include `timings`. */
  readonly showsTimings: boolean;
  readonly logprobsMode: LogprobsMode;
  /**
   * Whether log-probabilities name tokens by ID in responses to requests that do not specify it.
   */
  readonly namesTokensById: boolean;
}

export const DEFAULT_ANSWER_OPTIONS: AnswerOptions = {
  role: "assistant",
  streamInterval: 1,
  forcesUsage: false,
  showsTimings: false,
  logprobsMode: "raw_logprobs",
  showsNoCachedTokens: false,
  namesTokensById: false,
};

/** A body whose missing fields have been filled in from the server's options. */
export type Filled<Body> = Body & { readonly return_tokens_as_token_ids: boolean };

/** Fills in fields missing from a body, using the server's options. */
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
