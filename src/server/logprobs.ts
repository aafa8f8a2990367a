// Log-probabilities in the three forms of the API: chat, completions, and vLLM's prompt_logprobs.

import type { LogprobEntry, LogprobPosition } from "../engine/protocol.ts";

const decoder = new TextDecoder();

/** A token as text; bytes that are no character by themselves show as U+FFFD. */
function tokenText(entry: LogprobEntry, asIds: boolean): string {
  return asIds ? `token_id:${entry.tokenId}` : decoder.decode(entry.bytes);
}

function chatEntry(entry: LogprobEntry, asIds: boolean) {
  return {
    token: tokenText(entry, asIds),
    logprob: entry.logprob,
    bytes: [...entry.bytes],
  };
}

/** `logprobs` of a chat choice or chunk. */
export function chatLogprobs(positions: readonly LogprobPosition[], asIds: boolean) {
  return {
    content: positions.map(({ chosen, top }) => ({
      ...chatEntry(chosen, asIds),
      top_logprobs: top.map((entry) => chatEntry(entry, asIds)),
    })),
  };
}

export interface CompletionLogprobs {
  readonly text_offset: number[];
  readonly token_logprobs: (number | null)[];
  readonly tokens: string[];
  readonly top_logprobs: (Record<string, number> | null)[];
}

/**
 * `logprobs` of a completion choice or chunk.
 * @param offset characters of the text before the first position
 */
export function completionLogprobs(
  positions: readonly LogprobPosition[],
  asIds: boolean,
  offset: number,
): CompletionLogprobs {
  const logprobs: CompletionLogprobs = {
    text_offset: [],
    token_logprobs: [],
    tokens: [],
    top_logprobs: [],
  };
  let at = offset;
  for (const { chosen, top } of positions) {
    const token = tokenText(chosen, asIds);
    logprobs.text_offset.push(at);
    logprobs.token_logprobs.push(chosen.logprob);
    logprobs.tokens.push(token);
    logprobs.top_logprobs.push(
      Object.fromEntries([...top, chosen].map((entry) => [tokenText(entry, asIds), entry.logprob])),
    );
    at += token.length;
  }
  return logprobs;
}

/** The first prompt token has no predecessor, so no log-probability. */
export function withFirstPromptToken(logprobs: CompletionLogprobs, token: string) {
  return {
    text_offset: [0, ...logprobs.text_offset],
    token_logprobs: [null, ...logprobs.token_logprobs],
    tokens: [token, ...logprobs.tokens],
    top_logprobs: [null, ...logprobs.top_logprobs],
  };
}

/** vLLM's prompt_logprobs: null, then a map of token id to entry for each further prompt token. */
export function promptLogprobs(positions: readonly LogprobPosition[] | null) {
  if (positions === null) return null;
  const maps = positions.map(({ chosen, top }) =>
    Object.fromEntries(
      [...top, chosen].map((entry) => [
        entry.tokenId,
        { logprob: entry.logprob, rank: entry.rank, decoded_token: tokenText(entry, false) },
      ]),
    ),
  );
  return [null, ...maps];
}
