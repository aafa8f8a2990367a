// A generation in progress. It is separate from the user's Generation object, which can be garbage-collected
// while the engine is still generating.

import { type Choice, choiceAt, makeChoices } from "../api/choice.ts";
import { assert } from "../assert.ts";
import type { SequenceOutput } from "../front/output-stream.ts";
import { Signal } from "../signal.ts";
import type { StartedAnswer } from "./started-answer.ts";

/** Everything the engine generated for a request. */
export interface Collected {
  readonly choices: readonly Choice[];
  readonly cachedTokens: number;
}

export class LiveGeneration {
  readonly #started: Promise<StartedAnswer>;
  #answer: StartedAnswer | null = null;
  #choices: readonly Choice[] = [];
  #cachedTokens = 0;
  /** Outputs that no reader has taken yet, at most one per token. */
  readonly #waiting: SequenceOutput[] = [];
  #isDone = false;
  #error: { readonly cause: unknown } | null = null;
  readonly #change = new Signal();

  constructor(start: () => Promise<StartedAnswer>) {
    this.#started = start();
    void this.#pump();
  }

  /** The started answer, available once an output or a result has been delivered. */
  get answer(): StartedAnswer {
    assert(this.#answer !== null, "the generation has not started");
    return this.#answer;
  }

  /** Ends the request. Reads reject with `reason` immediately. Does nothing after the request has ended. */
  abort(reason: unknown): void {
    if (this.#isDone) return;
    this.#end({ cause: reason });
    this.#answer?.abort();
  }

  /** Rejects with the generation's error or with the reason for its abort. */
  async collected(): Promise<Collected> {
    while (!this.#isDone) await this.#change.wait();
    if (this.#error !== null) throw this.#error.cause;
    return { choices: this.#choices, cachedTokens: this.#cachedTokens };
  }

  /**
   * Yields the outputs that no reader has taken yet, then new outputs. Leaving the loop early aborts the
   * request.
   */
  async *outputs(): AsyncGenerator<SequenceOutput> {
    try {
      for (;;) {
        const output = this.#waiting.shift();
        if (output !== undefined) yield output;
        else if (this.#error !== null) throw this.#error.cause;
        else if (this.#isDone) return;
        else await this.#change.wait();
      }
    } finally {
      this.abort(abortError("the reader stopped early"));
    }
  }

  /** Never rejects. */
  async #pump(): Promise<void> {
    try {
      const answer = await this.#started;
      this.#answer = answer;
      this.#choices = makeChoices(answer.n);
      if (this.#isDone) answer.abort();
      for await (const output of answer.outputs) this.#take(output);
      this.#end(null);
    } catch (cause) {
      this.#end({ cause });
    }
  }

  #take(output: SequenceOutput): void {
    if (this.#isDone) return;
    choiceAt(this.#choices, output.index).add(output);
    this.#cachedTokens = Math.max(this.#cachedTokens, output.numCachedTokens);
    this.#waiting.push(output);
    this.#change.notify();
  }

  #end(error: { readonly cause: unknown } | null): void {
    if (this.#isDone) return;
    this.#isDone = true;
    this.#error = error;
    this.#change.notify();
  }
}

/** @returns the error that web APIs use for an aborted operation */
export function abortError(message: string): DOMException {
  return new DOMException(message, "AbortError");
}
