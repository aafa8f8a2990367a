// The front's view of one request: its n sequences, the queue of outputs that its reader has not
// taken, and the marks on the front's clock. Outputs that wait are merged per sequence, so a slow
// reader holds at most one output a sequence.

import { EngineError } from "../errors.ts";
import type { GenerateRequest, Generation, SequenceOutput } from "./generation.ts";
import type { RequestOutput } from "./protocol.ts";

export class RequestTracker implements Generation {
  readonly request: GenerateRequest;
  readonly requestIds: readonly string[];
  numUnfinished: number;
  maxNumGenerationTokens = 0;
  readonly #abort: (tracker: RequestTracker) => void;
  readonly #waiting: (SequenceOutput | undefined)[];
  readonly #order: number[] = [];
  #error: EngineError | null = null;
  #wake: (() => void) | null = null;

  constructor(
    request: GenerateRequest,
    requestIds: readonly string[],
    abort: (tracker: RequestTracker) => void,
  ) {
    this.request = request;
    this.requestIds = requestIds;
    this.numUnfinished = requestIds.length;
    this.#abort = abort;
    this.#waiting = new Array(requestIds.length);
  }

  get isDone(): boolean {
    return this.numUnfinished === 0;
  }

  abort(): void {
    this.#abort(this);
  }

  push(index: number, output: RequestOutput): void {
    const waiting = this.#waiting[index];
    if (waiting === undefined) this.#order.push(index);
    this.#waiting[index] = waiting ? merge(waiting, output) : { ...output, index };
    this.#notify();
  }

  fail(error: EngineError): void {
    this.#error ??= error;
    this.#notify();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<SequenceOutput> {
    try {
      for (;;) {
        if (this.#error !== null) throw this.#error;
        const index = this.#order.shift();
        if (index !== undefined) yield this.#take(index);
        else if (this.isDone) return;
        else await this.#nextOutput();
      }
    } finally {
      this.abort();
    }
  }

  #take(index: number): SequenceOutput {
    const output = this.#waiting[index];
    this.#waiting[index] = undefined;
    if (output === undefined) throw new EngineError("engine_dead", "output queue is inconsistent");
    return output;
  }

  #nextOutput(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #notify(): void {
    this.#wake?.();
    this.#wake = null;
  }
}

/** Two outputs of one sequence as one: texts and tokens joined, the later state kept. */
function merge(earlier: SequenceOutput, later: RequestOutput): SequenceOutput {
  return {
    ...later,
    index: earlier.index,
    text: earlier.text + later.text,
    tokenIds: [...earlier.tokenIds, ...later.tokenIds],
    logprobs: earlier.logprobs && [...earlier.logprobs, ...(later.logprobs ?? [])],
    promptLogprobs: earlier.promptLogprobs ?? later.promptLogprobs,
    numPreemptions: earlier.numPreemptions + later.numPreemptions,
  };
}
