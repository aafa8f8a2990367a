// Merges the output streams of a request's prompts and aborts all of them when the client disconnects.

import type { OutputStream, SequenceOutput } from "../front/output-stream.ts";
import { Signal } from "../signal.ts";

export interface PromptOutput {
  /** Index of the prompt in the request. */
  readonly promptIndex: number;
  readonly output: SequenceOutput;
}

/**
 * Yields the outputs of all prompts as they arrive. Buffers at most one output per prompt.
 * @throws the error from the first prompt that fails; the other prompts are aborted
 */
export async function* mergeStreams(
  streams: readonly OutputStream[],
): AsyncGenerator<PromptOutput> {
  const iterators = streams.map((stream) => stream[Symbol.asyncIterator]());
  const arrivals = new Arrivals();
  try {
    for (const [promptIndex, iterator] of iterators.entries())
      arrivals.expect(promptIndex, iterator);
    while (arrivals.numExpected > 0) {
      const { promptIndex, iterator, result } = await arrivals.next();
      if (result.done === true) continue;
      yield { promptIndex, output: result.value };
      arrivals.expect(promptIndex, iterator);
    }
  } finally {
    abortAll(streams);
  }
}

interface Arrival {
  readonly promptIndex: number;
  readonly iterator: AsyncIterator<SequenceOutput>;
  readonly result: IteratorResult<SequenceOutput>;
}

/**
 * The next results from many iterators, in order of arrival. Each promise gets only one reaction. Calling
 * Promise.race() for every output would add a reaction to every pending promise, of which there can be a thousand.
 */
class Arrivals {
  /** Number of results that are pending or not yet taken. */
  numExpected = 0;
  readonly #arrived: Arrival[] = [];
  #error: unknown = null;
  readonly #change = new Signal();

  expect(promptIndex: number, iterator: AsyncIterator<SequenceOutput>): void {
    this.numExpected++;
    iterator.next().then(
      (result) => {
        this.#arrived.push({ promptIndex, iterator, result });
        this.#change.notify();
      },
      (error: unknown) => {
        this.#error ??= error;
        this.#change.notify();
      },
    );
  }

  async next(): Promise<Arrival> {
    for (;;) {
      if (this.#error !== null) throw this.#error;
      const arrival = this.#arrived.shift();
      if (arrival !== undefined) {
        this.numExpected--;
        return arrival;
      }
      await this.#change.wait();
    }
  }
}

/** Aborts the streams when the client disconnects, even before they are queued, which frees their blocks. */
export function abortOnDisconnect(
  signal: AbortSignal | undefined,
  streams: readonly OutputStream[],
): void {
  if (signal?.aborted) abortAll(streams);
  signal?.addEventListener("abort", () => abortAll(streams), { once: true });
}

export function abortAll(streams: readonly OutputStream[]): void {
  for (const stream of streams) stream.abort();
}
