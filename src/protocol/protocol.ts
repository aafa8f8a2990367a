// Protocol between a front (server, embedder) and an engine: plain records that can cross a process
// boundary. EngineClient is the only interface to an engine.

import type { EngineError } from "../errors.ts";
import type { Integer } from "../json.ts";
import type { AdapterRef } from "../request/adapter.ts";
import type { DecodedLogprob, PositionLogprobs } from "../request/logprobs.ts";
import type { FinishReason } from "../request/request-status.ts";
import type { SamplingParams } from "../request/sampling-params.ts";
import type { ChatTemplateRequest } from "./chat-template-request.ts";
import type { EngineCalls } from "./engine-calls.ts";
import type { ChatFormat, MessageParsing } from "./message-parsing.ts";
import type { MessagePart } from "./message-part.ts";
import type { MemoryReport, ModelInfo } from "./model-info.ts";
import type { RequestTimeline, SchedulerStats } from "./stats.ts";

/** A prompt: token ids, or text or a chat that the engine tokenizes. */
export type Prompt =
  | Int32Array
  | { readonly text: string; readonly addSpecial: boolean }
  | { readonly chat: ChatTemplateRequest };

/** A prompt and how to generate from it. */
export interface EngineRequest {
  /** Id known to the client, for logs. Not unique: clients can set it, and the prompts of a body share it. */
  readonly externalId: string;
  /** Ids of the n sequences, unique among live requests. The sequences share the prompt's blocks. */
  readonly requestIds: readonly string[];
  readonly prompt: Prompt;
  readonly samplingParams: SamplingParams;
  /** Parsing of the generated text; absent = none. */
  readonly parsing?: MessageParsing;
  /** True: refuse the request if prompt and maxTokens exceed the context. False: reduce maxTokens to fit. */
  readonly mustFit: boolean;
  /** Whether outputs report the prompt's progress, even before the first token; absent = false. */
  readonly reportsProgress?: boolean;
  readonly priority: Integer;
  readonly cacheSalt: string | null;
  /** Text that the client expects as output, for speculative decoding; absent = unknown. */
  readonly prediction?: string;
  /** LoRA adapter; absent = the base model. */
  readonly adapter?: AdapterRef;
}

/** Progress of a prompt's computation. */
export interface PromptProgress {
  /** Prompt tokens whose K/V is in the cache, including those found there. */
  readonly numComputedTokens: number;
  /** Time since the request's first step, seconds. */
  readonly elapsedS: number;
}

/** Tokens of the client's prediction that were verified in a sequence so far. */
export interface PredictionTokens {
  readonly numAccepted: number;
  readonly numRejected: number;
}

/** Output of one step for one sequence; `requestId` is the sequence's id. */
export interface RequestOutput {
  readonly requestId: string;
  /** New text, which can be "" while a stop string or a character is incomplete. Never splits UTF-8. */
  readonly text: string;
  /** New parts in order, including those of `text`; null unless the request's text is parsed. */
  readonly parts: readonly MessagePart[] | null;
  /** Number of reasoning tokens in the sequence so far. */
  readonly numReasoningTokens: number;
  /** Null unless the request has a prediction and speculative decoding is on. */
  readonly predictionTokens: PredictionTokens | null;
  /** Null unless the request reports progress and the prompt has progressed. */
  readonly promptProgress: PromptProgress | null;
  /** New tokens. Empty only if the sequence ends without a new token (abort, error) or reports progress. */
  readonly tokenIds: readonly number[];
  /** Parallel to tokenIds: engine clock at the end of the token's step, seconds. */
  readonly tokenTimesS: readonly number[];
  /** Parallel to tokenIds; null unless requested. */
  readonly logprobs: readonly PositionLogprobs<DecodedLogprob>[] | null;
  /** Only in the first output: one entry per prompt token after the first; null unless requested. */
  readonly promptLogprobs: readonly PositionLogprobs<DecodedLogprob>[] | null;
  readonly finishReason: FinishReason | null;
  /** The stop string or stop token id that ended the request, GRAMMAR_FAILED or ADAPTER_FAILED; null for end tokens and length. */
  readonly stopReason: string | number | null;
  readonly numPromptTokens: number;
  /** Prompt tokens found in the prefix cache at the first admission. */
  readonly numCachedTokens: number;
  /** Preemptions since the previous output. */
  readonly numPreemptions: number;
  readonly isCorrupted: boolean;
  /** Engine-clock timestamps of the sequence so far. */
  readonly timeline: RequestTimeline;
}

/**
 * Message of one step, or of several steps joined for a slow reader. An additional message follows the last
 * sequence, so gauges return to 0.
 */
export interface EngineOutputs {
  /** Engine clock, seconds, monotonic; never compared with a front's clock. */
  readonly timestampS: number;
  readonly outputs: readonly RequestOutput[];
  readonly stats: SchedulerStats;
}

/** Properties of a started engine. */
export interface EngineInfo {
  readonly model: ModelInfo;
  readonly memory: MemoryReport;
  /** Parsers for the model's output. */
  readonly chatFormat: ChatFormat;
  /** True if the model's chat template never mentions tools. Absent = false. */
  readonly templateIgnoresTools?: boolean;
  /** Ids of the special tokens that make up the format's markers, by text. */
  readonly formatTokens: readonly (readonly [text: string, tokenId: number])[];
  readonly maxModelLen: number;
  readonly maxNumSeqs: number;
  readonly maxNumBatchedTokens: number;
  readonly blockSize: number;
  /** Includes the null block, as vLLM's num_gpu_blocks does. */
  readonly numBlocks: number;
  readonly enablePrefixCaching: boolean;
  readonly kvCacheType: string;
  readonly kvCacheMemoryBytes: number | null;
  readonly numBlocksOverride: number | null;
  /** Maximum number of draft tokens per request and step; 0 = no speculative decoding. */
  readonly numSpeculativeTokens: number;
  /** Maximum number of LoRA adapters in a step; 0 = adapters are off. */
  readonly maxLoras: number;
}

export interface EngineClient {
  readonly info: EngineInfo;
  /** Reason the engine refuses work now; null while it accepts it. Can change at any time. */
  readonly unavailable: EngineError | null;
  /**
   * Tokenizes the prompt and queues the request. A prompt of token ids is queued before the call returns. The
   * outputs of an accepted request arrive through onOutputs, possibly before the call resolves. The last output
   * of each sequence has a finish reason, even if the engine crashes and restarts.
   * @returns the prompt's token ids
   * @throws EngineError as in `unavailable`, or "engine_dead"
   * @throws RequestError "invalid_value" or "context_length" for a prompt that cannot be served, including
   *   errors of a chat template
   * @throws as every call that passes a client's text or tokens: RequestError "suspect_request" if the call was
   *   in progress at several engine crashes; OverloadError "queue_timeout" if it was in progress at one crash and
   *   has waited too long for its retry; RequestError "request_canceled" if it was aborted during that wait
   */
  add(request: EngineRequest): Promise<Int32Array>;
  /** Ends requests with "abort" outputs and frees their blocks within one step. Ignores unknown ids. */
  abort(requestIds: readonly string[]): void;
  /** Like abort(), but only for requests that no step has begun to compute. Used when they wait too long. */
  abortQueued(requestIds: readonly string[]): void;
  /** Sets the only listener, which is called in order and never re-entrantly from add() or abort(). */
  onOutputs(listener: (message: EngineOutputs) => void): void;
  /** Sets a listener that is called when the engine accepts work after a crash, awake and with empty caches. */
  onRestart(listener: () => void): void;
  /** Other calls. */
  readonly calls: EngineCalls;
  /** Resolves when the engine has crashed and will not restart. Never rejects. */
  readonly died: Promise<Error>;
  /** Stops the engine: live requests end with "abort", and the runner is disposed. Idempotent. */
  shutdown(): Promise<void>;
}
