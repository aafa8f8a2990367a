// Sends one streamed request to /v1/completions and records a timestamp for every event.

import { errorMessage, refusalText } from "../client/refusal.ts";
import { SseParser } from "../client/sse-parser.ts";
import { connectionFault } from "../connection-fault.ts";
import { writeJson } from "../json.ts";
import type { RequestTimeline, TokenEvent } from "./timeline.ts";

/** A server with the OpenAI API. */
export interface Target {
  /** URL without /v1 and without a trailing slash. */
  readonly url: string;
  /** Model name to send in requests. */
  readonly model: string;
  readonly apiKey?: string | null;
}

export interface RequestSpec {
  readonly prompt: string | readonly number[];
  readonly maxTokens: number;
  /** Additional body fields. By default, decoding is greedy and runs to the full length. */
  readonly fields?: Readonly<Record<string, unknown>>;
}

export interface MeasureOptions {
  readonly signal?: AbortSignal;
  /** Called after each event that carries tokens, with the number of such events so far. */
  readonly onToken?: (numEvents: number) => void;
}

/** Waits for the whole answer. Never rejects: errors are recorded in the timeline. */
export async function measureRequest(
  target: Target,
  spec: RequestSpec,
  options: MeasureOptions = {},
): Promise<RequestTimeline> {
  const answer = new AnswerReader(performance.now(), spec.prompt.length, options.onToken);
  try {
    const response = await fetch(`${target.url}/v1/completions`, {
      // llama-server closes idle connections, so a connection from an earlier load could be gone.
      keepalive: false,
      method: "POST",
      headers: headersOf(target),
      body: bodyOf(target, spec),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
    if (!response.ok || response.body === null) {
      return answer.timeline(refusalText(response.status, await response.text()), false);
    }
    for await (const bytes of response.body) answer.read(bytes);
    return answer.timeline(answer.fault(), false);
  } catch (error) {
    if (options.signal?.aborted === true) return answer.timeline(null, true);
    return answer.timeline(connectionFault(error), false);
  }
}

function headersOf({ apiKey = null }: Target): Record<string, string> {
  const key: Record<string, string> = apiKey === null ? {} : { authorization: `Bearer ${apiKey}` };
  return { ...key, "content-type": "application/json" };
}

function bodyOf({ model }: Target, { prompt, maxTokens, fields }: RequestSpec): string {
  return writeJson({
    model,
    prompt,
    max_tokens: maxTokens,
    temperature: 0,
    ignore_eos: true,
    stream: true,
    stream_options: { include_usage: true },
    ...fields,
  });
}

interface Chunk {
  readonly choices?:
    | readonly {
        readonly index?: number;
        readonly text?: string;
        readonly finish_reason?: string | null;
      }[]
    | null;
  readonly usage?: { readonly prompt_tokens?: number; readonly completion_tokens?: number } | null;
}

function chunkOf(data: string): Chunk {
  const chunk: unknown = JSON.parse(data);
  if (typeof chunk === "object" && chunk !== null) return chunk;
  throw new Error(`not an event from this API: ${data.slice(0, 100)}`);
}

/** Collects the events from one answer. */
class AnswerReader {
  readonly #parser = new SseParser();
  readonly #startMs: number;
  readonly #onToken: ((numEvents: number) => void) | undefined;
  readonly #events: TokenEvent[] = [];
  #text = "";
  #numPromptTokens: number;
  #numOutputTokens: number | null = null;
  #error: string | null = null;
  #isDone = false;

  /** @param promptLength used until the server reports the number of prompt tokens */
  constructor(startMs: number, promptLength: number, onToken?: (numEvents: number) => void) {
    this.#startMs = startMs;
    this.#numPromptTokens = promptLength;
    this.#onToken = onToken;
  }

  read(bytes: Uint8Array): void {
    const atMs = performance.now();
    for (const data of this.#parser.push(bytes)) {
      if (data === "[DONE]") this.#isDone = true;
      else this.#readChunk(chunkOf(data), atMs);
    }
  }

  #readChunk(chunk: Chunk, atMs: number): void {
    this.#error ??= errorMessage(chunk);
    const { usage } = chunk;
    const choices = chunk.choices ?? [];
    if (usage?.completion_tokens !== undefined) {
      this.#numPromptTokens = usage.prompt_tokens ?? 0;
      // OpenAI's last chunk has no choices and counts all tokens; llama-server counts each choice when it
      // ends.
      const isTotal = choices.length === 0;
      this.#numOutputTokens =
        usage.completion_tokens + (isTotal ? 0 : (this.#numOutputTokens ?? 0));
    }
    for (const { index: choice = 0, text = "", finish_reason: reason } of choices) {
      // The last event of an answer can hold only a finish reason.
      if (text === "" && (reason ?? null) !== null) continue;
      if (choice === 0) this.#text += text;
      this.#events.push({ atMs, choice });
      this.#onToken?.(this.#events.length);
    }
  }

  /** @returns the reason a finished stream is not a complete answer; null if it is complete */
  fault(): string | null {
    if (this.#error !== null) return this.#error;
    if (!this.#isDone) return "the stream ended before [DONE]";
    return this.#numOutputTokens === null ? "the server sent no usage" : null;
  }

  timeline(error: string | null, isCut: boolean): RequestTimeline {
    return {
      startMs: this.#startMs,
      events: this.#events,
      numOutputTokens: this.#numOutputTokens ?? this.#events.length,
      numPromptTokens: this.#numPromptTokens,
      text: this.#text,
      error,
      isCut,
    };
  }
}
