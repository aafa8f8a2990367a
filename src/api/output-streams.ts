// Running the engine requests of one HTTP request: several prompts as one stream, and the end of all
// of them when the client leaves.

import type { OutputStream, SequenceOutput } from "../front/output-stream.ts";
import { Signal } from "../signal.ts";

export interface PromptOutput {
  /** Which prompt of the request. */
  readonly promptIndex: number;
  readonly output: SequenceOutput;
}

/**
 * Outputs of all prompts as they come. Each prompt holds one output until it is taken.
 * @throws what the first failing prompt throws; the others are aborted
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
 * The next results of many iterators in order of arrival. Each promise gets one reaction: racing them
 * anew for every output would leave one on all that wait, a thousand prompts times all tokens.
 */
class Arrivals {
  /** Results that have come or are awaited, and not taken. */
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

export function abortAll(streams: readonly OutputStream[]): void {
  for (const stream of streams) stream.abort();
}
