// Running the engine requests of one HTTP request: several prompts as one stream, and the end of all
// of them when the client leaves.

import type { Generation, SequenceOutput } from "../engine/generation.ts";

export interface PromptOutput {
  /** Which prompt of the request. */
  readonly promptIndex: number;
  readonly output: SequenceOutput;
}

/**
 * Outputs of all prompts as they come. Each prompt holds one output until it is taken.
 * @throws what the first failing prompt throws; the others are aborted
 */
export async function* mergeGenerations(
  generations: readonly Generation[],
): AsyncGenerator<PromptOutput> {
  const iterators = generations.map((generation) => generation[Symbol.asyncIterator]());
  const next = (promptIndex: number) =>
    iterators[promptIndex]?.next().then((result) => ({ promptIndex, result }));
  const pending = new Map(iterators.map((_, i) => [i, next(i)]));
  try {
    while (pending.size > 0) {
      const first = await Promise.race(pending.values());
      if (first === undefined) return;
      const { promptIndex, result } = first;
      if (result.done === true) {
        pending.delete(promptIndex);
        continue;
      }
      pending.set(promptIndex, next(promptIndex));
      yield { promptIndex, output: result.value };
    }
  } finally {
    abortAll(generations);
  }
}

export function abortAll(generations: readonly Generation[]): void {
  for (const generation of generations) generation.abort();
}

/** Frees the blocks as soon as the client is gone, streaming or not, queued or running. */
export function abortOnDisconnect(request: Request, generations: readonly Generation[]): void {
  if (request.signal.aborted) abortAll(generations);
  request.signal.addEventListener("abort", () => abortAll(generations), { once: true });
}
