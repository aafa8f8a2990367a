// Derives observations for the metrics from one engine message, using the formulas of vLLM's request timeline: the
// front's clock for arrival, first output and final output, and the engine's clock for everything in between.
// Times from different clocks are never subtracted.

import type { RequestOutput } from "../protocol/protocol.ts";
import type {
  FinishedParentStats,
  FinishedRequestStats,
  IterationStats,
} from "../protocol/stats.ts";
import type { RequestTracker } from "./request-tracker.ts";

/** State of a request between messages, covering all of its sequences. */
export interface ParentProgress {
  readonly tracker: RequestTracker;
  /** Maximum among the finished sequences. */
  maxNumGenerationTokens: number;
}

/** State of one sequence between messages. */
export interface SequenceProgress {
  readonly parent: ParentProgress;
  readonly index: number;
  numGenerationTokens: number;
  numPreemptions: number;
  /** Time of the latest output with a token, on the engine's clock, in seconds; null before the first. */
  lastTokenS: number | null;
}

export class IterationStatsBuilder {
  readonly #nowMs: number;
  readonly #maxModelLen: number;
  readonly #timeToFirstTokensS: number[] = [];
  readonly #interTokenLatenciesS: number[] = [];
  readonly #tokensByTime = new Map<number, number>();
  readonly #finished: FinishedRequestStats[] = [];
  readonly #finishedParents: FinishedParentStats[] = [];
  #numPromptTokens = 0;
  #numCachedPromptTokens = 0;
  #numGenerationTokens = 0;
  #numPreemptions = 0;

  /** @param nowMs time on the front's clock at which the message is handled */
  constructor(nowMs: number, maxModelLen: number) {
    this.#nowMs = nowMs;
    this.#maxModelLen = maxModelLen;
  }

  /** Counts one output and updates `progress`. The tracker's endSequence() must be called before the last output. */
  add(progress: SequenceProgress, output: RequestOutput): void {
    this.#numPreemptions += output.numPreemptions;
    progress.numPreemptions += output.numPreemptions;
    if (output.tokenIds.length > 0) this.#addTokens(progress, output);
    if (output.finishReason !== null) this.#finish(progress, output);
  }

  build(): IterationStats {
    return {
      timeToFirstTokensS: this.#timeToFirstTokensS,
      interTokenLatenciesS: this.#interTokenLatenciesS,
      numPromptTokens: this.#numPromptTokens,
      numCachedPromptTokens: this.#numCachedPromptTokens,
      numGenerationTokens: this.#numGenerationTokens,
      numPreemptions: this.#numPreemptions,
      iterationTokens: [...this.#tokensByTime.values()],
      finished: this.#finished,
      finishedParents: this.#finishedParents,
    };
  }

  #addTokens(progress: SequenceProgress, output: RequestOutput): void {
    progress.numGenerationTokens += output.tokenIds.length;
    this.#numGenerationTokens += output.tokenIds.length;
    for (const timeS of output.tokenTimesS) {
      if (progress.lastTokenS === null) this.#addFirstToken(progress, output, timeS);
      else if (timeS > progress.lastTokenS) {
        this.#interTokenLatenciesS.push(timeS - progress.lastTokenS);
      }
      progress.lastTokenS = timeS;
      this.#countTokens(timeS, 1);
    }
  }

  #addFirstToken(progress: SequenceProgress, output: RequestOutput, timeS: number): void {
    const { numPromptTokens } = output;
    this.#timeToFirstTokensS.push(this.#sinceArrivalS(progress));
    this.#numPromptTokens += numPromptTokens;
    this.#numCachedPromptTokens += output.numCachedTokens;
    this.#countTokens(timeS, numPromptTokens);
  }

  /** Counts tokens from the step at `timeS`; all tokens from a step have the same time. */
  #countTokens(timeS: number, count: number): void {
    this.#tokensByTime.set(timeS, (this.#tokensByTime.get(timeS) ?? 0) + count);
  }

  #finish(progress: SequenceProgress, output: RequestOutput): void {
    const { parent } = progress;
    const { tracker } = parent;
    this.#finished.push(this.#finishedStats(progress, output));
    parent.maxNumGenerationTokens = Math.max(
      parent.maxNumGenerationTokens,
      progress.numGenerationTokens,
    );
    if (!tracker.isDone) return;
    const n = tracker.requestIds.length;
    this.#finishedParents.push({ n, maxNumGenerationTokens: parent.maxNumGenerationTokens });
  }

  #finishedStats(progress: SequenceProgress, output: RequestOutput): FinishedRequestStats {
    const { parent, numGenerationTokens } = progress;
    const { maxTokens } = parent.tracker.request.samplingParams;
    const { numPromptTokens } = output;
    const { queuedS, scheduledS, firstTokenS, lastTokenS } = output.timeline;
    const prefillTimeS = interval(scheduledS, firstTokenS);
    const decodeTimeS = interval(firstTokenS, lastTokenS);
    return {
      finishReason: output.finishReason ?? "error",
      numPromptTokens,
      numGenerationTokens,
      numCachedTokens: output.numCachedTokens,
      maxTokensParam: Math.min(maxTokens, this.#maxModelLen - numPromptTokens),
      e2eLatencyS: this.#sinceArrivalS(progress),
      queuedTimeS: interval(queuedS, scheduledS),
      prefillTimeS,
      decodeTimeS,
      inferenceTimeS: prefillTimeS + decodeTimeS,
      timePerOutputTokenS: numGenerationTokens > 1 ? decodeTimeS / (numGenerationTokens - 1) : 0,
      numPreemptions: progress.numPreemptions,
      isCorrupted: output.isCorrupted,
    };
  }

  #sinceArrivalS(progress: SequenceProgress): number {
    return Math.max(0, this.#nowMs - progress.parent.tracker.request.arrivalMs) / 1000;
  }
}

/** Length of an interval on one clock; 0 if either end was not reached because the request was aborted early. */
function interval(fromS: number | null, toS: number | null): number {
  return fromS === null || toS === null ? 0 : Math.max(0, toS - fromS);
}
