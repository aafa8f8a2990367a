// Joins the outputs that wait for a slow reader into one per sequence. Each token keeps the time of its step, so
// the delay does not change the statistics.

import type { DecodedLogprob, PositionLogprobs } from "../request/logprobs.ts";
import { joinParts } from "./message-part.ts";
import type { EngineOutputs, RequestOutput } from "./protocol.ts";
import { type BlockEviction, joinSpecDecode, type SchedulerStats } from "./stats.ts";

/** Several outputs of one sequence joined into one. More can be added. */
export interface JoinedOutput extends RequestOutput {
  readonly tokenIds: number[];
  readonly tokenTimesS: number[];
  readonly logprobs: PositionLogprobs<DecodedLogprob>[] | null;
}

/** @returns a copy that owns its arrays */
export function joinedOutput<T extends RequestOutput>(first: T): T & JoinedOutput {
  return {
    ...first,
    tokenIds: [...first.tokenIds],
    tokenTimesS: [...first.tokenTimesS],
    logprobs: first.logprobs && [...first.logprobs],
  };
}

/** Appends the text and tokens of `later` to `joined` and replaces its state. */
export function joinOutput(joined: JoinedOutput, later: RequestOutput): void {
  joined.tokenIds.push(...later.tokenIds);
  joined.tokenTimesS.push(...later.tokenTimesS);
  if (later.logprobs !== null) joined.logprobs?.push(...later.logprobs);
  const { finishReason, stopReason, numCachedTokens, isCorrupted, timeline } = later;
  Object.assign(joined, {
    text: joined.text + later.text,
    parts: joined.parts && joinParts(joined.parts, later.parts ?? []),
    numReasoningTokens: later.numReasoningTokens,
    predictionTokens: later.predictionTokens,
    promptProgress: later.promptProgress ?? joined.promptProgress,
    promptLogprobs: joined.promptLogprobs ?? later.promptLogprobs,
    ...{ finishReason, stopReason, numCachedTokens, isCorrupted, timeline },
    numPreemptions: joined.numPreemptions + later.numPreemptions,
  });
}

/** Joins the messages of several steps into one. Its size is bounded by the requests in progress. */
export class JoinedOutputs {
  readonly #outputs = new Map<string, JoinedOutput>();
  readonly #blockEvictions: BlockEviction[] = [];
  #stats: SchedulerStats | null = null;
  #timestampS = 0;

  get isEmpty(): boolean {
    return this.#stats === null;
  }

  add({ timestampS, outputs, stats }: EngineOutputs): void {
    this.#timestampS = timestampS;
    for (const output of outputs) this.#addOutput(output);
    this.#blockEvictions.push(...stats.blockEvictions);
    this.#stats = this.#stats === null ? stats : joinStats(this.#stats, stats);
  }

  /** @returns the joined message; null if there was none */
  take(): EngineOutputs | null {
    if (this.#stats === null) return null;
    const outputs = [...this.#outputs.values()];
    const stats = { ...this.#stats, blockEvictions: this.#blockEvictions.splice(0) };
    this.#outputs.clear();
    this.#stats = null;
    return { timestampS: this.#timestampS, outputs, stats };
  }

  #addOutput(output: RequestOutput): void {
    const joined = this.#outputs.get(output.requestId);
    if (joined !== undefined) joinOutput(joined, output);
    else this.#outputs.set(output.requestId, joinedOutput(output));
  }
}

/** Takes the later gauges and adds up the counters; evictions are collected separately. */
function joinStats(earlier: SchedulerStats, later: SchedulerStats): SchedulerStats {
  const { requests, queries, hits } = earlier.prefixCache;
  return {
    ...later,
    prefixCache: {
      requests: requests + later.prefixCache.requests,
      queries: queries + later.prefixCache.queries,
      hits: hits + later.prefixCache.hits,
    },
    specDecode: joinSpecDecode(earlier.specDecode, later.specDecode),
    numPreemptedReqs: earlier.numPreemptedReqs + later.numPreemptedReqs,
    numScheduledTokens: earlier.numScheduledTokens + later.numScheduledTokens,
    forwardMs: earlier.forwardMs + later.forwardMs,
    samplingMs: earlier.samplingMs + later.samplingMs,
    blockEvictions: [],
  };
}
