// The unfinished sequences of an engine in another process, with enough state to end each one if the engine crashes.

import type { EngineOutputs, EngineRequest, RequestOutput } from "../protocol/protocol.ts";
import { NO_STATS } from "../protocol/stats.ts";

interface LiveSequence {
  /** Null until the engine has tokenized the prompt. */
  numPromptTokens: number | null;
  /** Null until the first output. */
  lastOutput: RequestOutput | null;
}

export class LiveSequences {
  readonly #sequences = new Map<string, LiveSequence>();
  #timestampS = 0;
  #numFinished = 0;

  get size(): number {
    return this.#sequences.size;
  }

  /** Number of sequences that finished with "stop" or "length". */
  get numFinished(): number {
    return this.#numFinished;
  }

  has(requestId: string): boolean {
    return this.#sequences.has(requestId);
  }

  add({ requestIds }: EngineRequest): void {
    for (const id of requestIds) {
      this.#sequences.set(id, { numPromptTokens: null, lastOutput: null });
    }
  }

  /** Called when the engine has queued the request. */
  setPromptLength({ requestIds }: EngineRequest, numPromptTokens: number): void {
    for (const id of requestIds) {
      const live = this.#sequences.get(id);
      if (live !== undefined) live.numPromptTokens = numPromptTokens;
    }
  }

  /** Called when the engine has refused the request. */
  delete({ requestIds }: EngineRequest): void {
    for (const id of requestIds) this.#sequences.delete(id);
  }

  record({ timestampS, outputs }: EngineOutputs): void {
    this.#timestampS = timestampS;
    for (const output of outputs) {
      const live = this.#sequences.get(output.requestId);
      if (live === undefined) continue;
      if (output.finishReason === null) live.lastOutput = output;
      else this.#finish(output);
    }
  }

  #finish({ requestId, finishReason }: RequestOutput): void {
    this.#sequences.delete(requestId);
    if (finishReason === "stop" || finishReason === "length") this.#numFinished++;
  }

  /** Ends all sequences. @returns a message with their error outputs and all gauges at 0 */
  end(): EngineOutputs {
    const outputs = [...this.#sequences].map(([id, live]) => this.#errorOutput(id, live));
    this.#sequences.clear();
    return { timestampS: this.#timestampS, outputs, stats: NO_STATS };
  }

  /** Creates an output without text, tokens or preemptions, since anything after the last output is lost. */
  #errorOutput(requestId: string, { numPromptTokens, lastOutput }: LiveSequence): RequestOutput {
    const none = { scheduledS: null, firstTokenS: null, lastTokenS: null };
    return {
      requestId,
      text: "",
      tokenIds: [],
      tokenTimesS: [],
      logprobs: null,
      promptLogprobs: null,
      finishReason: "error",
      stopReason: null,
      numPromptTokens: numPromptTokens ?? 0,
      numCachedTokens: lastOutput?.numCachedTokens ?? 0,
      parts: null,
      numReasoningTokens: 0,
      predictionTokens: null,
      promptProgress: null,
      numPreemptions: 0,
      isCorrupted: lastOutput?.isCorrupted ?? false,
      timeline: lastOutput?.timeline ?? { queuedS: this.#timestampS, ...none },
    };
  }
}
