// The requests that an engine in another process has been given and has not ended, with what is known of
// each: enough to end them all in its stead when it dies.

import type { EngineOutputs, EngineRequest, RequestOutput } from "../protocol/protocol.ts";
import { NO_STATS } from "../protocol/stats.ts";

interface LiveRequest {
  /** Null before the engine has read the prompt. */
  numPromptTokens: number | null;
  /** Null before the first. */
  lastOutput: RequestOutput | null;
}

export class LiveRequests {
  readonly #requests = new Map<string, LiveRequest>();
  #timestampS = 0;
  #numFinished = 0;

  get size(): number {
    return this.#requests.size;
  }

  /** Of those that ended as they should. */
  get numFinished(): number {
    return this.#numFinished;
  }

  has(requestId: string): boolean {
    return this.#requests.has(requestId);
  }

  add({ requestIds }: EngineRequest): void {
    for (const id of requestIds) {
      this.#requests.set(id, { numPromptTokens: null, lastOutput: null });
    }
  }

  /** The engine has queued it. */
  setPromptLength({ requestIds }: EngineRequest, numPromptTokens: number): void {
    for (const id of requestIds) {
      const live = this.#requests.get(id);
      if (live !== undefined) live.numPromptTokens = numPromptTokens;
    }
  }

  /** The engine has refused it. */
  delete({ requestIds }: EngineRequest): void {
    for (const id of requestIds) this.#requests.delete(id);
  }

  record({ timestampS, outputs }: EngineOutputs): void {
    this.#timestampS = timestampS;
    for (const output of outputs) {
      const live = this.#requests.get(output.requestId);
      if (live === undefined) continue;
      if (output.finishReason === null) live.lastOutput = output;
      else this.#finish(output);
    }
  }

  #finish({ requestId, finishReason }: RequestOutput): void {
    this.#requests.delete(requestId);
    if (finishReason === "stop" || finishReason === "length") this.#numFinished++;
  }

  /** Ends all. @returns the message that says so, with every gauge at 0 */
  end(): EngineOutputs {
    const outputs = [...this.#requests].map(([id, live]) => this.#errorOutput(id, live));
    this.#requests.clear();
    return { timestampS: this.#timestampS, outputs, stats: NO_STATS };
  }

  /** What it has not told before is not known: no tokens, no text, no preemption. */
  #errorOutput(requestId: string, { numPromptTokens, lastOutput }: LiveRequest): RequestOutput {
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
      numPreemptions: 0,
      isCorrupted: lastOutput?.isCorrupted ?? false,
      timeline: lastOutput?.timeline ?? { queuedS: this.#timestampS, ...none },
    };
  }
}
