// A generation on its way, apart from the object that the user holds: that object may be collected while
// this one is still fed by the engine.

import { type Choice, choiceAt, makeChoices } from "../api/choice.ts";
import { assert } from "../assert.ts";
import type { SequenceOutput } from "../front/output-stream.ts";
import { Signal } from "../signal.ts";
import type { StartedAnswer } from "./started-answer.ts";

/** All that came from the engine. */
export interface Collected {
  readonly choices: readonly Choice[];
  readonly cachedTokens: number;
}

export class LiveGeneration {
  readonly #started: Promise<StartedAnswer>;
  #answer: StartedAnswer | null = null;
  #choices: readonly Choice[] = [];
  #cachedTokens = 0;
  /** Outputs that no reader has taken: at most one a token. */
  readonly #waiting: SequenceOutput[] = [];
  #isDone = false;
  #error: { readonly cause: unknown } | null = null;
  readonly #change = new Signal();

  constructor(start: () => Promise<StartedAnswer>) {
    this.#started = start();
    void this.#pump();
  }

  /** Known once an output or a result has been given. */
  get answer(): StartedAnswer {
    assert(this.#answer !== null, "the generation has not started");
    return this.#answer;
  }

  /** Readers get `reason` as an error, at once; what has ended stays as it is. */
  abort(reason: unknown): void {
    if (this.#isDone) return;
    this.#end({ cause: reason });
    this.#answer?.abort();
  }

  /** Rejects as the generation failed, or with the reason of its abort. */
  async collected(): Promise<Collected> {
    while (!this.#isDone) await this.#change.wait();
    if (this.#error !== null) throw this.#error.cause;
    return { choices: this.#choices, cachedTokens: this.#cachedTokens };
  }

  /** What has not been taken yet, then what comes. Leaving it early aborts. */
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
      this.abort(abortError("the reader left"));
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

/** An error as web APIs give it for what was called off. */
export function abortError(message: string): DOMException {
  return new DOMException(message, "AbortError");
}
