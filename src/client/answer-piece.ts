// Parses a streamed answer's events.

import { ConfigError } from "../errors.ts";
import { errorMessage } from "./refusal.ts";

export interface AnswerPiece {
  readonly text: string;
  /** Reasoning that the model writes before its answer, if the server reports it separately. */
  readonly reasoning: string;
  readonly finishReason: string | null;
  /** Token usage of the whole answer, sent with the last piece. */
  readonly usage: { readonly promptTokens: number; readonly completionTokens: number } | null;
}

interface Chunk {
  readonly choices?:
    | readonly {
        readonly text?: unknown;
        readonly delta?: {
          readonly content?: unknown;
          readonly reasoning_content?: unknown;
          readonly reasoning?: unknown;
        };
        readonly finish_reason?: string | null;
      }[]
    | null;
  readonly usage?: { readonly prompt_tokens: number; readonly completion_tokens: number } | null;
}

/**
 * @throws ConfigError "stream_broken" for an error event or an event that is not part of this API
 */
export function pieceOf(data: string): AnswerPiece {
  const { choices, usage } = chunkOf(data);
  const [choice] = choices ?? [];
  const text = choice?.delta?.content ?? choice?.text ?? "";
  if (typeof text !== "string") throw unreadable(data);
  const reasoning = choice?.delta?.reasoning_content ?? choice?.delta?.reasoning;
  return {
    text,
    reasoning: typeof reasoning === "string" ? reasoning : "",
    finishReason: choice?.finish_reason ?? null,
    usage: usage
      ? { promptTokens: usage.prompt_tokens, completionTokens: usage.completion_tokens }
      : null,
  };
}

/** @throws ConfigError "stream_broken", as pieceOf does */
function chunkOf(data: string): Chunk {
  const value = jsonOf(data);
  const error = errorMessage(value);
  if (error !== null) throw new ConfigError("stream_broken", `the answer was cut off: ${error}`);
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw unreadable(data);
  const { choices } = value as Chunk;
  if (Array.isArray(choices ?? [])) return value as Chunk;
  throw unreadable(data);
}

function jsonOf(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch (cause) {
    throw unreadable(data, cause);
  }
}

function unreadable(data: string, cause?: unknown): ConfigError {
  const message = `the server sent an event that is not part of this API: ${data.slice(0, 100)}`;
  return new ConfigError("stream_broken", message, { cause });
}
