// Log-probabilities in the API's three formats: chat, completions, and vLLM's prompt_logprobs.

import type { DecodedLogprob, PositionLogprobs } from "../request/logprobs.ts";

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** @returns a token as text, with incomplete characters replaced by U+FFFD */
export function tokenText(
  entry: Pick<DecodedLogprob, "tokenId" | "bytes">,
  asIds: boolean,
): string {
  return asIds ? `token_id:${entry.tokenId}` : decoder.decode(entry.bytes);
}

/** Clamps a log-probability to vLLM's minimum: excluded tokens have -Infinity, which JSON cannot represent. */
function finite(logprob: number): number {
  return Math.max(logprob, -9999);
}

/** Counts code points, which are the unit of text_offset, as Python's len() does. */
export function numCharacters(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}

/** Lists the chosen token, then the most likely tokens, in vLLM's order. */
function listed({ chosen, top }: PositionLogprobs<DecodedLogprob>): DecodedLogprob[] {
  return [chosen, ...top.filter(({ tokenId }) => tokenId !== chosen.tokenId)];
}

function chatEntry(entry: DecodedLogprob, asIds: boolean) {
  return {
    token: tokenText(entry, asIds),
    logprob: finite(entry.logprob),
    bytes: [...entry.bytes],
  };
}

/** `logprobs` of a chat choice or chunk, with exactly the requested number of entries per position. */
export function chatLogprobs(
  positions: readonly PositionLogprobs<DecodedLogprob>[],
  asIds: boolean,
) {
  return {
    content: positions.map((position) => ({
      ...chatEntry(position.chosen, asIds),
      top_logprobs: listed(position)
        .slice(0, position.top.length)
        .map((entry) => chatEntry(entry, asIds)),
    })),
  };
}

export interface CompletionLogprobs {
  readonly text_offset: number[];
  readonly token_logprobs: (number | null)[];
  readonly tokens: string[];
  readonly top_logprobs: (ReadonlyMap<string, number> | null)[];
}

/**
 * `logprobs` of a completion choice or chunk.
 * @param offset number of characters before the first position
 */
export function completionLogprobs(
  positions: readonly PositionLogprobs<DecodedLogprob>[],
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
  for (const position of positions) {
    const { chosen } = position;
    const token = tokenText(chosen, asIds);
    logprobs.text_offset.push(at);
    logprobs.token_logprobs.push(finite(chosen.logprob));
    logprobs.tokens.push(token);
    logprobs.top_logprobs.push(byText(listed(position), asIds));
    at += numCharacters(token);
  }
  return logprobs;
}

/** Maps token text to log-probability. If several tokens have the same text, keeps the first one. */
function byText(entries: readonly DecodedLogprob[], asIds: boolean): Map<string, number> {
  const logprobs = new Map<string, number>();
  for (const entry of entries) {
    const text = tokenText(entry, asIds);
    if (!logprobs.has(text)) logprobs.set(text, finite(entry.logprob));
  }
  return logprobs;
}

/**
 * `logprobs` of an echoed prompt and the generated text.
 * @param first the prompt's first token as shown, which has no log-probability because nothing precedes it
 */
export function echoLogprobs(
  first: string,
  positions: readonly PositionLogprobs<DecodedLogprob>[],
  asIds: boolean,
): CompletionLogprobs {
  const rest = completionLogprobs(positions, asIds, numCharacters(first));
  return {
    text_offset: [0, ...rest.text_offset],
    token_logprobs: [null, ...rest.token_logprobs],
    tokens: [first, ...rest.tokens],
    top_logprobs: [null, ...rest.top_logprobs],
  };
}

/** vLLM's prompt_logprobs: null for the first token, then a map from token ID to entry for each later one. */
export function promptLogprobs(positions: readonly PositionLogprobs<DecodedLogprob>[] | null) {
  if (positions === null) return null;
  return [null, ...positions.map((position) => new Map(listed(position).map(promptEntry)))];
}

function promptEntry(entry: DecodedLogprob) {
  const { tokenId, logprob, rank } = entry;
  const shown = { logprob: finite(logprob), rank, decoded_token: tokenText(entry, false) };
  return [tokenId, shown] as const;
}
