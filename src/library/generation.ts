// The user's handle to a generation: iterate over it, await its result, abort it, or forward it as a stream.

import type { Choice } from "../api/choice.ts";
import { eventStream } from "../api/event-stream.ts";
import { type ChunkWriter, eventsOf } from "../api/events.ts";
import type { SequenceOutput } from "../front/output-stream.ts";
import type { MessagePart } from "../protocol/message-part.ts";
import { abortError, type Collected, LiveGeneration } from "./live-generation.ts";
import type { GeneratedChoice, GenerateResult, TextDelta } from "./results.ts";
import type { StartedAnswer } from "./started-answer.ts";

/** Idle time, in ms, after which a comment is sent on a stream so that proxies keep the connection open. */
const KEEP_ALIVE_MS = 10_000;

/** Aborts generations that are garbage-collected before anyone reads them. */
const unread = new FinalizationRegistry<LiveGeneration>((live) =>
  live.abort(abortError("the generation was garbage-collected unread")),
);

/** Parameters for a generation; only LLM creates generations. */
export interface GenerationInit<Result> {
  /** ID of the response. */
  readonly id: string;
  /** Checks and queues the request. */
  readonly start: () => Promise<StartedAnswer>;
  /** Converts a result to the type that the call returns. */
  readonly toResult: (result: GenerateResult, answer: StartedAnswer, first: Choice) => Result;
  /** Aborts the generation. */
  readonly signal: AbortSignal | undefined;
  /** Receives the object that lives until the generation has ended. */
  readonly onLive: (live: LiveGeneration) => void;
}

/**
 * A request that has already been queued. Read it as an iterable of deltas, as text, as a result, or as a stream of
 * bytes. Each delta is delivered only once, to the first reader that takes it; the result is always available. This is
 * not a promise, so async functions can return it. A generation that is never read is aborted when it is
 * garbage-collected.
 *
 * If the request fails, every read rejects with its error: RequestError for an invalid request; EngineError
 * "engine_step_failed", "engine_dead" or "engine_shutdown"; or the reason for the abort, by default an error
 * named "AbortError".
 */
export class Generation<Result = GenerateResult>
  implements AsyncIterable<TextDelta>, AsyncDisposable
{
  /** ID of the response, such as "chatcmpl-9f0c..."; also the ID of streamed chunks. */
  readonly id: string;
  readonly #live: LiveGeneration;
  readonly #toResult: GenerationInit<Result>["toResult"];
  #outputs: AsyncGenerator<SequenceOutput> | null = null;
  #result: Promise<Result> | null = null;

  /** @internal */
  constructor({ id, start, toResult, signal, onLive }: GenerationInit<Result>) {
    this.id = id;
    this.#toResult = toResult;
    const live = new LiveGeneration(() => startUnlessAborted(start, signal));
    this.#live = live;
    unread.register(this, live, this);
    onLive(live);
    abortOn(signal, live);
  }

  /** Yields deltas from all n sequences as they arrive. Leaving the loop early aborts the request. */
  async *[Symbol.asyncIterator](): AsyncGenerator<TextDelta> {
    for await (const { index, text, parts, tokenIds, logprobs, finishReason } of this.#read()) {
      yield { index, text, reasoning: reasoningOf(parts), tokenIds, logprobs, finishReason };
    }
  }

  /** The text of sequence 0, in non-empty pieces. Leaving the loop early aborts the request. */
  get text(): AsyncIterable<string> {
    return textOf(() => this.#read());
  }

  /** The complete result. Created on first access, so an unused result causes no unhandled rejection. */
  get result(): Promise<Result> {
    unread.unregister(this);
    this.#result ??= this.#finish();
    return this.#result;
  }

  /**
   * Ends the request. Its blocks are freed within one step, and reads reject with `reason`. Does nothing after
   * the request has ended.
   * @param reason default: an error named "AbortError"
   */
  abort(reason: unknown = abortError("the generation was aborted")): void {
    this.#live.abort(reason);
  }

  /**
   * Returns the chunks that POST /v1/chat/completions (or /v1/completions) would stream, as UTF-8 server-sent
   * events that end with `data: [DONE]`. A failure becomes an error event. Pass the stream to
   * `new Response(stream, { headers })` with content type "text/event-stream". Canceling it aborts the request.
   */
  toReadableStream(): ReadableStream<Uint8Array> {
    const live = this.#live;
    const writer: ChunkWriter<SequenceOutput> = {
      event: (output) => live.answer.writer.event(output),
      end: () => live.answer.writer.end(),
    };
    // There is nothing to log, because `result` rejects with the error.
    const logFault = () => {};
    return eventStream(eventsOf(this.#read(), writer, logFault), {
      keepAliveMs: KEEP_ALIVE_MS,
      onCancel: () => this.abort(),
      onEnd: () => {},
    });
  }

  /** Aborts the request unless it has ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.abort();
  }

  #read(): AsyncGenerator<SequenceOutput> {
    unread.unregister(this);
    this.#outputs ??= this.#live.outputs();
    return this.#outputs;
  }

  async #finish(): Promise<Result> {
    const collected = await this.#live.collected();
    const { answer } = this.#live;
    const [first] = collected.choices;
    if (first === undefined) throw new Error("a generation has at least one sequence");
    return this.#toResult(resultOf(this.id, collected, answer), answer, first);
  }
}

function reasoningOf(parts: readonly MessagePart[] | null): string {
  let text = "";
  for (const part of parts ?? []) if (part.kind === "reasoning") text += part.text;
  return text;
}

async function* textOf(read: () => AsyncIterable<SequenceOutput>): AsyncGenerator<string> {
  for await (const { index, text } of read()) if (index === 0 && text !== "") yield text;
}

async function startUnlessAborted(
  start: () => Promise<StartedAnswer>,
  signal: AbortSignal | undefined,
): Promise<StartedAnswer> {
  signal?.throwIfAborted();
  return start();
}

/** Removes the listener when the generation ends, since the signal can outlive many generations. */
function abortOn(signal: AbortSignal | undefined, live: LiveGeneration): void {
  if (signal === undefined || signal.aborted) return;
  const abort = () => live.abort(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  const forget = () => signal.removeEventListener("abort", abort);
  live.collected().then(forget, forget);
}

function resultOf(id: string, collected: Collected, answer: StartedAnswer): GenerateResult {
  const choices = collected.choices.map(generatedChoice);
  const completionTokens = choices.reduce((sum, { tokenIds }) => sum + tokenIds.length, 0);
  const [first] = choices;
  if (first === undefined) throw new Error("a generation has at least one sequence");
  return {
    ...first,
    id,
    choices,
    promptLogprobs: collected.choices[0]?.promptLogprobs ?? null,
    usage: {
      promptTokens: answer.numPromptTokens,
      completionTokens,
      cachedTokens: collected.cachedTokens,
    },
  };
}

function generatedChoice(choice: Choice, index: number): GeneratedChoice {
  const { text, tokenIds, finishReason, stopReason, logprobs } = choice;
  return {
    index,
    text,
    tokenIds,
    finishReason: finishReason ?? "abort",
    stopReason,
    logprobs: logprobs.length > 0 ? logprobs : null,
  };
}
