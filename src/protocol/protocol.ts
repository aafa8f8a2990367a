// The protocol between a front (server, embedder) and an engine: plain records that could cross a
// process boundary. EngineClient is the one interface to an engine.

import type { EngineError } from "../errors.ts";
import type { Integer } from "../json.ts";
import type { DecodedLogprob, PositionLogprobs } from "../request/logprobs.ts";
import type { FinishReason } from "../request/request-status.ts";
import type { SamplingParams } from "../request/sampling-params.ts";
import type { ChatTemplateRequest } from "./chat-template-request.ts";
import type { EngineCalls } from "./engine-calls.ts";
import type { MemoryReport, ModelInfo } from "./model-info.ts";
import type { RequestTimeline, SchedulerStats } from "./stats.ts";

/** What is generated from: token ids, or what the engine makes them of. */
export type Prompt =
  | Int32Array
  | { readonly text: string; readonly addSpecial: boolean }
  | { readonly chat: ChatTemplateRequest };

/** A prompt and what to generate from it. */
export interface EngineRequest {
  /** Id that the client knows, for logs. Requests can share it: prompts of one HTTP request, or a client's own id. */
  readonly externalId: string;
  /** One a sequence: samplingParams.n of them, unique among live requests. They share the prompt's blocks. */
  readonly requestIds: readonly string[];
  readonly prompt: Prompt;
  readonly samplingParams: SamplingParams;
  /** Refused when prompt and maxTokens exceed the context; else maxTokens shrinks to what is left. */
  readonly mustFit: boolean;
  readonly priority: Integer;
  readonly cacheSalt: string | null;
}

/** Result of one step for one sequence; `requestId` is the sequence's. */
export interface RequestOutput {
  readonly requestId: string;
  /** New text, possibly "" while a stop string or a character is incomplete. Never splits UTF-8. */
  readonly text: string;
  /** New tokens. Empty only in an output that finishes without one (abort, error). */
  readonly tokenIds: readonly number[];
  /** Parallel to tokenIds: engine clock at the end of the token's step, seconds. */
  readonly tokenTimesS: readonly number[];
  /** Parallel to tokenIds; null unless asked for. */
  readonly logprobs: readonly PositionLogprobs<DecodedLogprob>[] | null;
  /** In the first output only: one entry per prompt token after the first; null unless asked for. */
  readonly promptLogprobs: readonly PositionLogprobs<DecodedLogprob>[] | null;
  readonly finishReason: FinishReason | null;
  /** The stop string or stop token id that ended the request; null for end tokens and length. */
  readonly stopReason: string | number | null;
  readonly numPromptTokens: number;
  /** Of these, served from the prefix cache at the first admission. */
  readonly numCachedTokens: number;
  /** Preemptions since the previous output. */
  readonly numPreemptions: number;
  readonly isCorrupted: boolean;
  /** Engine-clock marks of the sequence so far. */
  readonly timeline: RequestTimeline;
}

/** One message a step, or several joined for a slow reader; and one more after the last sequence ended so that gauges return to 0. */
export interface EngineOutputs {
  /** Engine clock, seconds, monotonic; never compared with a front's clock. */
  readonly timestampS: number;
  readonly outputs: readonly RequestOutput[];
  readonly stats: SchedulerStats;
}

/** Facts of a started engine. */
export interface EngineInfo {
  readonly model: ModelInfo;
  readonly memory: MemoryReport;
  readonly maxModelLen: number;
  readonly maxNumSeqs: number;
  readonly maxNumBatchedTokens: number;
  readonly blockSize: number;
  /** Null block included, as vLLM's num_gpu_blocks. */
  readonly numBlocks: number;
  readonly enablePrefixCaching: boolean;
  readonly kvCacheType: string;
  readonly kvCacheMemoryBytes: number | null;
  readonly numBlocksOverride: number | null;
}

export interface EngineClient {
  readonly info: EngineInfo;
  /** Why no work is taken now; null = it is. May change at any time. */
  readonly unavailable: EngineError | null;
  /**
   * Reads the prompt and queues the request; token ids are queued before the call returns. Of what is not
   * refused, outputs arrive through onOutputs, perhaps before the answer: the last one of each sequence with
   * a finish reason, also when the engine dies and starts again.
   * @returns the prompt's token ids
   * @throws EngineError what `unavailable` says, or "engine_dead"
   * @throws RequestError "invalid_value" or "context_length" for a prompt that cannot be served; of a chat,
   * the message of its template
   * @throws as every call with a client's text or tokens does: RequestError "suspect_request" for a call that
   *   was in progress at two deaths of the engine; OverloadError "queue_timeout" for one that was in progress
   *   at one death and whose turn to be tried again has not come
   */
  add(request: EngineRequest): Promise<Int32Array>;
  /** Ends requests and frees their blocks within one step; unknown ids are ignored. An output with "abort" follows. */
  abort(requestIds: readonly string[]): void;
  /** As abort(), but spares what a step has begun to compute: for requests that have waited too long. */
  abortQueued(requestIds: readonly string[]): void;
  /** One listener; called in order, never re-entrantly from add() or abort(). */
  onOutputs(listener: (message: EngineOutputs) => void): void;
  /** Called when it takes work again after a death: awake, with empty caches. */
  onRestart(listener: () => void): void;
  /** What can be asked of it. */
  readonly calls: EngineCalls;
  /** Settles when the engine has died of itself and does not come back. Never rejects. */
  readonly died: Promise<Error>;
  /** Stops: live requests end with "abort", the runner is disposed. Idempotent. */
  shutdown(): Promise<void>;
}
