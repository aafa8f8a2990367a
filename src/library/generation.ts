// What the user holds of a generation: to iterate, to wait for, to stop, to hand on as a stream.

import type { Choice } from "../api/choice.ts";
import { eventStream } from "../api/event-stream.ts";
import { type ChunkWriter, eventsOf } from "../api/events.ts";
import type { SequenceOutput } from "../front/output-stream.ts";
import { abortError, type Collected, LiveGeneration } from "./live-generation.ts";
import type { GeneratedChoice, GenerateResult, TextDelta } from "./results.ts";
import type { StartedAnswer } from "./started-answer.ts";

/** Silence after which a stream gets a comment, so that proxies keep the connection, ms. */
const KEEP_ALIVE_MS = 10_000;

/** Only what nobody ever began to read is aborted when it is collected. */
const unread = new FinalizationRegistry<LiveGeneration>((live) =>
  live.abort(abortError("the generation was dropped unread")),
);

/** How a generation is made; by LLM alone. */
export interface GenerationInit<Result> {
  /** Of the answer. */
  readonly id: string;
  /** Checks and queues the request. */
  readonly start: () => Promise<StartedAnswer>;
  /** Shapes the end. */
  readonly toResult: (result: GenerateResult, answer: StartedAnswer) => Result;
  /** Calls it off. */
  readonly signal: AbortSignal | undefined;
  /** Told of the object that lives until the generation has ended. */
  readonly onLive: (live: LiveGeneration) => void;
}

/**
 * A request, queued at the call. Read it as an iterable of deltas, as text, as a result or as a stream of
 * bytes; deltas are given once, to whoever reads first, the result always. Not a promise, so that async
 * functions may return it. Dropped unread it is aborted when it is collected.
 *
 * Every way of reading fails as the request does: RequestError for what was wrong with it, EngineError
 * "engine_step_failed", "engine_dead" or "engine_shutdown", or the reason of an abort, by default an error
 * named "AbortError".
 */
export class Generation<Result = GenerateResult>
  implements AsyncIterable<TextDelta>, AsyncDisposable
{
  /** Of the answer, e.g. "chatcmpl-9f0c..."; also the id of streamed chunks. */
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

  /** Deltas of all n sequences as they come. Leaving the loop early aborts. */
  async *[Symbol.asyncIterator](): AsyncGenerator<TextDelta> {
    for await (const { index, text, tokenIds, logprobs, finishReason } of this.#read()) {
      yield { index, text, tokenIds, logprobs, finishReason };
    }
  }

  /** The text of sequence 0 in pieces, none empty. Leaving the loop early aborts. */
  get text(): AsyncIterable<string> {
    return textOf(() => this.#read());
  }

  /** The whole result; made at the first access, so that what is never asked for cannot go unhandled. */
  get result(): Promise<Result> {
    unread.unregister(this);
    this.#result ??= this.#finish();
    return this.#result;
  }

  /**
   * Ends the request: its blocks are free within one step, readers get `reason`. Does nothing after its end.
   * @param reason default: an error named "AbortError"
   */
  abort(reason: unknown = abortError("the generation was aborted")): void {
    this.#live.abort(reason);
  }

  /**
   * Chunks as POST /v1/chat/completions (or /v1/completions) streams them, as UTF-8 server-sent events that
   * end with `data: [DONE]`; a failure is an error event. Ready for `new Response(stream, { headers })` with
   * content type "text/event-stream". Cancelling it aborts.
   */
  toReadableStream(): ReadableStream<Uint8Array> {
    const live = this.#live;
    const writer: ChunkWriter<SequenceOutput> = {
      event: (output) => live.answer.writer.event(output),
      end: () => live.answer.writer.end(),
    };
    // `result` rejects with what fails.
    const logFault = () => {};
    return eventStream(eventsOf(this.#read(), writer, logFault), {
      keepAliveMs: KEEP_ALIVE_MS,
      onCancel: () => this.abort(),
      onEnd: () => {},
    });
  }

  /** Aborts what has not ended. */
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
    return this.#toResult(resultOf(this.id, collected, answer), answer);
  }
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

/** The signal may outlive many generations, so it forgets those that have ended. */
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
