// Turns sampled tokens into outputs: text from a pipeline of stages, log-probabilities with bytes, and the request's
// timestamps on the engine's clock. Keeps one state object per live request; makes no scheduling decisions.

import { assert } from "../../assert.ts";
import { formatMarkers } from "../../formats/format-markers.ts";
import { MessageParser } from "../../formats/message-parser.ts";
import type { MessageParsing } from "../../protocol/message-parsing.ts";
import type { MessagePart } from "../../protocol/message-part.ts";
import type {
  EngineRequest,
  PredictionTokens,
  PromptProgress,
  RequestOutput,
} from "../../protocol/protocol.ts";
import type { DecodedLogprob, PositionLogprobs, TokenLogprob } from "../../request/logprobs.ts";
import type { Request } from "../../request/request.ts";
import { FINISH_REASON_OF, isFinished } from "../../request/request-status.ts";
import type { Tokenizer } from "../../runner/tokenizer.ts";
import { firstOf } from "../../scheduler/sampled-tokens.ts";
import type { SampledTokens } from "../../scheduler/scheduler-output.ts";
import { Detokenizer, TokenTexts } from "./detokenizer.ts";
import { MessageStage } from "./message-stage.ts";
import { StopChecker } from "./stop-checker.ts";
import { TextPipeline } from "./text-pipeline.ts";
import type { Piece, StopPiece, TextStage, TokenPiece } from "./text-stage.ts";

interface OutputState {
  readonly pipeline: TextPipeline;
  /** Parser for the text; null if the text is not parsed. */
  readonly parser: MessageParser | null;
  /** Number of reasoning tokens after which the reasoning must end. */
  readonly budget: number;
  numReasoningTokens: number;
  readonly queuedS: number;
  scheduledS: number | null;
  firstTokenS: number | null;
  lastTokenS: number | null;
  numReportedPreemptions: number;
  isCorrupted: boolean;
  /** Log-probabilities for prompt positions [1, length + 1); null unless requested. */
  promptLogprobs: PositionLogprobs<DecodedLogprob>[] | null;
}

type OutputOptions = Pick<EngineRequest, "parsing" | "reportsProgress">;

export class OutputProcessor {
  readonly #texts: TokenTexts;
  readonly #states = new Map<string, OutputState>();
  /** IDs of requests that report progress on their prompt and have no output token yet. */
  readonly #reporting = new Set<string>();

  constructor(tokenizer: Pick<Tokenizer, "tokenBytes" | "isSpecial">) {
    this.#texts = new TokenTexts(tokenizer);
  }

  /** @returns the text of a prompt's last tokens */
  promptEnd(promptTokenIds: Int32Array): string {
    const ids = promptTokenIds.subarray(-NUM_END_TOKENS);
    return Buffer.concat(Array.from(ids, (id) => this.#texts.bytes(id))).toString();
  }

  /** Whether any request reports progress on its prompt. */
  get reportsProgress(): boolean {
    return this.#reporting.size > 0;
  }

  get numRequests(): number {
    return this.#states.size;
  }

  /** @param options how to parse the request's text, and whether the request reports progress */
  add(request: Request, nowS: number, { parsing, reportsProgress }: OutputOptions = {}): void {
    assert(!this.#states.has(request.requestId), () => `${request.requestId}: added twice`);
    const { promptLogprobs } = request.samplingParams;
    const parser = parsing
      ? new MessageParser(parsing, this.promptEnd(request.tokenIds(0, request.numPromptTokens)))
      : null;
    if (reportsProgress) this.#reporting.add(request.requestId);
    this.#states.set(request.requestId, {
      pipeline: new TextPipeline(this.#stages(request, parser, parsing)),
      parser,
      budget: parsing?.thinkingTokenBudget ?? Infinity,
      numReasoningTokens: 0,
      queuedS: nowS,
      scheduledS: null,
      firstTokenS: null,
      lastTokenS: null,
      numReportedPreemptions: 0,
      isCorrupted: false,
      promptLogprobs: promptLogprobs === null ? null : [],
    });
  }

  /** Marks the request's first step. Later calls have no effect. */
  markScheduled(request: Request, nowS: number): void {
    this.#state(request).scheduledS ??= nowS;
  }

  /** @returns true if a step has begun to compute the request; false if none has, or if the request is not live */
  isScheduled(requestId: string): boolean {
    return (this.#states.get(requestId)?.scheduledS ?? null) !== null;
  }

  /** @returns true if a live request is still reasoning even though its budget is used up */
  exceedsBudget(request: Request): boolean {
    const state = this.#states.get(request.requestId);
    if (state?.parser?.isReasoning !== true) return false;
    return state.numReasoningTokens >= state.budget;
  }

  /**
   * @returns the number of tokens after which a request could exceed its reasoning budget; Infinity if it has none or
   * has finished reasoning
   */
  numBudgetTokens(request: Request): number {
    const { budget, parser, numReasoningTokens } = this.#state(request);
    if (parser?.isReasoning === true) return budget - numReasoningTokens;
    return numReasoningTokens > 0 ? Infinity : budget;
  }

  /**
   * Keeps the log-probabilities for prompt positions [startPosition + 1, ...). A preempted prefill starts over and
   * overwrites them with the same values.
   */
  addPromptLogprobs(
    request: Request,
    startPosition: number,
    positions: readonly PositionLogprobs[],
  ): void {
    const kept = this.#state(request).promptLogprobs;
    if (kept === null) return;
    positions.forEach((position, i) => {
      kept[startPosition + i] = this.#decodedPosition(position);
    });
  }

  /**
   * Builds a request's output from a step's tokens, dropping any tokens after a stop string.
   * @returns the output, and whether a stop string ended the text; if so, the caller must finish the request
   */
  process(sampled: SampledTokens, nowS: number): { output: RequestOutput; stopped: boolean } {
    const { request } = sampled;
    const state = this.#state(request);
    const isFirst = state.firstTokenS === null;
    state.firstTokenS ??= nowS;
    state.lastTokenS = nowS;
    state.isCorrupted ||= sampled.isCorrupted;
    const { text, parts, stop, numTokens } = advanceText(sampled, state);
    const tokenIds = firstOf(sampled.tokenIds, numTokens);
    const logprobs = sampled.logprobs && firstOf(sampled.logprobs, numTokens);
    const { status } = request;
    const finishReason = isFinished(status) ? FINISH_REASON_OF[status] : null;
    const output = outputOf(request, state, {
      text,
      parts,
      promptProgress: isFirst ? this.#takeProgress(request, nowS) : null,
      tokenIds,
      tokenTimesS: repeated(nowS, tokenIds.length),
      logprobs: logprobs?.map((position) => this.#decodedPosition(position)) ?? null,
      promptLogprobs: isFirst ? state.promptLogprobs : null,
      finishReason: stop === null ? finishReason : "stop",
      stopReason: stop === null ? sampled.stopReason : stop.stop,
    });
    if (output.finishReason !== null) this.#states.delete(request.requestId);
    return { output, stopped: stop !== null };
  }

  /**
   * @returns an output without tokens that reports progress on the prompt; null if the request does not report progress
   */
  progress(request: Request, nowS: number): RequestOutput | null {
    if (!this.#reporting.has(request.requestId)) return null;
    const state = this.#state(request);
    return outputOf(request, state, {
      text: "",
      parts: state.parser === null ? null : [],
      promptProgress: progressOf(request, state, nowS),
      tokenIds: [],
      tokenTimesS: [],
      logprobs: null,
      promptLogprobs: null,
      finishReason: null,
      stopReason: null,
    });
  }

  /** @returns the final progress report of a request, if it reports progress */
  #takeProgress(request: Request, nowS: number): PromptProgress | null {
    const isReporting = this.#reporting.delete(request.requestId);
    return isReporting ? progressOf(request, this.#state(request), nowS) : null;
  }

  /** @returns the last output, without tokens, of a request that was aborted or whose step failed */
  finish(request: Request, stopReason: RequestOutput["stopReason"] = null): RequestOutput {
    const { status } = request;
    assert(isFinished(status), () => `${request.requestId}: ${status} is not finished`);
    const state = this.#state(request);
    this.#states.delete(request.requestId);
    this.#reporting.delete(request.requestId);
    const shown = new Shown(state);
    shown.add(state.pipeline.flush());
    return outputOf(request, state, {
      text: shown.text,
      parts: shown.parts,
      promptProgress: null,
      tokenIds: [],
      tokenTimesS: [],
      logprobs: null,
      promptLogprobs: null,
      finishReason: FINISH_REASON_OF[status],
      stopReason,
    });
  }

  #state(request: Request): OutputState {
    const state = this.#states.get(request.requestId);
    assert(state !== undefined, () => `${request.requestId}: no output state`);
    return state;
  }

  /** Creates the stages of a request's text pipeline. */
  #stages(
    { samplingParams }: Request,
    parser: MessageParser | null,
    parsing?: MessageParsing,
  ): TextStage[] {
    const { stop, includeStopStrInOutput, minTokens, skipSpecialTokens } = samplingParams;
    const markers = parsing && formatMarkers(parsing);
    const stages: TextStage[] = [new Detokenizer(this.#texts, skipSpecialTokens, markers)];
    if (parser !== null) stages.push(new MessageStage(parser));
    if (stop.length > 0) stages.push(new StopChecker(stop, includeStopStrInOutput, minTokens));
    return stages;
  }

  #decodedPosition(position: PositionLogprobs): PositionLogprobs<DecodedLogprob> {
    return {
      chosen: this.#decodedLogprob(position.chosen),
      top: position.top.map((entry) => this.#decodedLogprob(entry)),
    };
  }

  #decodedLogprob(entry: TokenLogprob): DecodedLogprob {
    return { ...entry, bytes: this.#texts.bytes(entry.tokenId).slice() };
  }
}

/** Number of tokens at the end of a prompt that are searched for a marker of the format. */
const NUM_END_TOKENS = 16;

/** The visible text and parts collected from a step's pieces. */
class Shown {
  text = "";
  readonly parts: MessagePart[] | null;

  constructor({ parser }: OutputState) {
    this.parts = parser === null ? null : [];
  }

  /** @returns the piece that ends the output, if there is one */
  add(pieces: readonly Piece[]): StopPiece | null {
    for (const piece of pieces) {
      if (piece.kind === "stop") return piece;
      if (piece.kind === "part") this.parts?.push(piece.part);
      if (piece.kind !== "text") continue;
      this.text += piece.text;
      this.parts?.push({ kind: "text", text: piece.text });
    }
    return null;
  }
}

/** Result of pushing tokens: their visible text and parts, the end if one was found, and the tokens up to that end. */
interface Advance extends Pick<Shown, "text" | "parts"> {
  readonly stop: StopPiece | null;
  readonly numTokens: number;
}

/** Pushes tokens. As in vLLM, a stop token's own text is hidden unless the output includes stop strings. */
function advanceText({ request, tokenIds }: SampledTokens, state: OutputState): Advance {
  const isStopped = request.status === "FINISHED_STOPPED";
  const hidesLast = isStopped && !request.samplingParams.includeStopStrInOutput;
  const numShown = tokenIds.length - (hidesLast ? 1 : 0);
  let tokenNumber = request.numOutputTokens - tokenIds.length;
  const shown = new Shown(state);
  const { parts } = shown;
  for (let i = 0; i < numShown; i++) {
    const tokenId = tokenIds[i] ?? 0;
    const stop = shown.add(
      pushToken(state, { kind: "token", tokenId, tokenNumber: ++tokenNumber }),
    );
    if (stop !== null) return { text: shown.text, parts, stop, numTokens: i + 1 };
  }
  if (request.isFinished) shown.add(state.pipeline.flush());
  return { text: shown.text, parts, stop: null, numTokens: tokenIds.length };
}

/** Pushes a token and counts it as a reasoning token, unless it begins or ends the reasoning. */
function pushToken(state: OutputState, token: TokenPiece): readonly Piece[] {
  const { parser, pipeline } = state;
  const wasReasoning = parser?.isReasoning === true;
  const pieces = pipeline.push(token);
  if (wasReasoning && parser.isReasoning) state.numReasoningTokens++;
  return pieces;
}

/** Uses a loop because map() and fill() take several times as long for a single value, which is the usual case. */
function repeated(value: number, count: number): number[] {
  const values: number[] = [];
  for (let i = 0; i < count; i++) values.push(value);
  return values;
}

function progressOf(request: Request, { scheduledS }: OutputState, nowS: number): PromptProgress {
  const numComputedTokens = Math.min(request.numComputedTokens, request.numPromptTokens);
  return { numComputedTokens, elapsedS: nowS - (scheduledS ?? nowS) };
}

function predictionTokensOf(request: Request): PredictionTokens | null {
  if (request.predictionTokenIds === null) return null;
  const { numAcceptedPredictionTokens: numAccepted, numRejectedPredictionTokens: numRejected } =
    request;
  return { numAccepted, numRejected };
}

/** The output fields that a step sets. */
type Added = Pick<
  RequestOutput,
  | "text"
  | "parts"
  | "promptProgress"
  | "tokenIds"
  | "tokenTimesS"
  | "logprobs"
  | "promptLogprobs"
  | "finishReason"
  | "stopReason"
>;

/** Copies field by field because spreading takes several times as long, and there is one output per token. */
function outputOf(request: Request, state: OutputState, added: Added): RequestOutput {
  const numPreemptions = request.numPreemptions - state.numReportedPreemptions;
  state.numReportedPreemptions = request.numPreemptions;
  const { queuedS, scheduledS, firstTokenS, lastTokenS } = state;
  return {
    requestId: request.requestId,
    text: added.text,
    parts: added.parts,
    numReasoningTokens: state.numReasoningTokens,
    predictionTokens: predictionTokensOf(request),
    promptProgress: added.promptProgress,
    tokenIds: added.tokenIds,
    tokenTimesS: added.tokenTimesS,
    logprobs: added.logprobs,
    promptLogprobs: added.promptLogprobs,
    finishReason: added.finishReason,
    stopReason: added.stopReason,
    numPromptTokens: request.numPromptTokens,
    numCachedTokens: request.numCachedTokens ?? 0,
    numPreemptions,
    isCorrupted: state.isCorrupted,
    timeline: { queuedS, scheduledS, firstTokenS, lastTokenS },
  };
}
