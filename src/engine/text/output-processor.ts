// Turns sampled tokens into outputs: text from a pipeline of stages, log-probabilities with bytes, and
// the request's timestamps on the engine clock. Keeps one state per live request; makes no scheduling decisions.

import { assert } from "../../assert.ts";
import type { RequestOutput } from "../../protocol/protocol.ts";
import type { DecodedLogprob, PositionLogprobs, TokenLogprob } from "../../request/logprobs.ts";
import type { Request } from "../../request/request.ts";
import { FINISH_REASON_OF, isFinished } from "../../request/request-status.ts";
import type { Tokenizer } from "../../runner/tokenizer.ts";
import { firstOf } from "../../scheduler/sampled-tokens.ts";
import type { SampledTokens } from "../../scheduler/scheduler-output.ts";
import { Detokenizer, TokenTexts } from "./detokenizer.ts";
import { StopChecker } from "./stop-checker.ts";
import { TextPipeline } from "./text-pipeline.ts";
import type { Piece, TextStage } from "./text-stage.ts";

interface OutputState {
  readonly pipeline: TextPipeline;
  readonly queuedS: number;
  scheduledS: number | null;
  firstTokenS: number | null;
  lastTokenS: number | null;
  numReportedPreemptions: number;
  isCorrupted: boolean;
  /** Log-probabilities of prompt positions [1, length + 1); null unless requested. */
  promptLogprobs: PositionLogprobs<DecodedLogprob>[] | null;
}

export class OutputProcessor {
  readonly #texts: TokenTexts;
  readonly #states = new Map<string, OutputState>();

  constructor(tokenizer: Pick<Tokenizer, "tokenBytes" | "isSpecial">) {
    this.#texts = new TokenTexts(tokenizer);
  }

  get numRequests(): number {
    return this.#states.size;
  }

  add(request: Request, nowS: number): void {
    assert(!this.#states.has(request.requestId), () => `${request.requestId}: added twice`);
    const { promptLogprobs } = request.samplingParams;
    this.#states.set(request.requestId, {
      pipeline: new TextPipeline(this.#stages(request)),
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

  /** @returns true if a step has begun to compute the request; false if it is not live */
  isScheduled(requestId: string): boolean {
    return (this.#states.get(requestId)?.scheduledS ?? null) !== null;
  }

  /**
   * Keeps log-probabilities of the prompt positions [startPosition + 1, ...). A preempted prefill
   * starts over and overwrites them with the same values.
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
   * Builds a request's output from the tokens of a step, dropping those after a stop string.
   * @returns the output, and whether a stop string ended the text; if so, the caller must finish the request
   */
  process(sampled: SampledTokens, nowS: number): { output: RequestOutput; stopped: boolean } {
    const { request } = sampled;
    const state = this.#state(request);
    const isFirst = state.firstTokenS === null;
    state.firstTokenS ??= nowS;
    state.lastTokenS = nowS;
    state.isCorrupted ||= sampled.isCorrupted;
    const { text, stop, numTokens } = advanceText(sampled, state.pipeline);
    const tokenIds = firstOf(sampled.tokenIds, numTokens);
    const logprobs = sampled.logprobs && firstOf(sampled.logprobs, numTokens);
    const { status } = request;
    const finishReason = isFinished(status) ? FINISH_REASON_OF[status] : null;
    const output = outputOf(request, state, {
      text,
      tokenIds,
      tokenTimesS: repeated(nowS, tokenIds.length),
      logprobs: logprobs?.map((position) => this.#decodedPosition(position)) ?? null,
      promptLogprobs: isFirst ? state.promptLogprobs : null,
      finishReason: stop === null ? finishReason : "stop",
      stopReason: stop ?? sampled.stopReason,
    });
    if (output.finishReason !== null) this.#states.delete(request.requestId);
    return { output, stopped: stop !== null };
  }

  /** @returns the last output, without tokens, of a request that was aborted or failed with its step */
  finish(request: Request): RequestOutput {
    const { status } = request;
    assert(isFinished(status), () => `${request.requestId}: ${status} is not finished`);
    const state = this.#state(request);
    this.#states.delete(request.requestId);
    return outputOf(request, state, {
      text: textOf(state.pipeline.flush()),
      tokenIds: [],
      tokenTimesS: [],
      logprobs: null,
      promptLogprobs: null,
      finishReason: FINISH_REASON_OF[status],
      stopReason: null,
    });
  }

  #state(request: Request): OutputState {
    const state = this.#states.get(request.requestId);
    assert(state !== undefined, () => `${request.requestId}: no output state`);
    return state;
  }

  /** Creates the stages of a request's text pipeline. */
  #stages({ samplingParams }: Request): TextStage[] {
    const { stop, includeStopStrInOutput, minTokens, skipSpecialTokens } = samplingParams;
    const stages: TextStage[] = [new Detokenizer(this.#texts, skipSpecialTokens)];
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

/** Result of pushing tokens: the visible text, the stop string if one was found, and the tokens up to its end. */
interface Advance {
  readonly text: string;
  readonly stop: string | null;
  readonly numTokens: number;
}

/** Pushes tokens. As in vLLM, a stop token's own text is hidden unless stop strings are included. */
function advanceText({ request, tokenIds }: SampledTokens, pipeline: TextPipeline): Advance {
  const isStopped = request.status === "FINISHED_STOPPED";
  const hidesLast = isStopped && !request.samplingParams.includeStopStrInOutput;
  const numShown = tokenIds.length - (hidesLast ? 1 : 0);
  let tokenNumber = request.numOutputTokens - tokenIds.length;
  let text = "";
  for (let i = 0; i < numShown; i++) {
    const tokenId = tokenIds[i] ?? 0;
    for (const piece of pipeline.push({ kind: "token", tokenId, tokenNumber: ++tokenNumber })) {
      if (piece.kind === "stop") return { text, stop: piece.stop, numTokens: i + 1 };
      if (piece.kind === "text") text += piece.text;
    }
  }
  if (request.isFinished) text += textOf(pipeline.flush());
  return { text, stop: null, numTokens: tokenIds.length };
}

/** Repeats a value in a loop: for a single one, the usual case, map() and fill() take several times as long. */
function repeated(value: number, count: number): number[] {
  const values: number[] = [];
  for (let i = 0; i < count; i++) values.push(value);
  return values;
}

function textOf(pieces: readonly Piece[]): string {
  let text = "";
  for (const piece of pieces) if (piece.kind === "text") text += piece.text;
  return text;
}

/** Fields of an output that a step sets. */
type Added = Pick<
  RequestOutput,
  | "text"
  | "tokenIds"
  | "tokenTimesS"
  | "logprobs"
  | "promptLogprobs"
  | "finishReason"
  | "stopReason"
>;

/** Copies field by field because spreading takes several times as long, and there is an output per token. */
function outputOf(request: Request, state: OutputState, added: Added): RequestOutput {
  const numPreemptions = request.numPreemptions - state.numReportedPreemptions;
  state.numReportedPreemptions = request.numPreemptions;
  const { queuedS, scheduledS, firstTokenS, lastTokenS } = state;
  return {
    requestId: request.requestId,
    text: added.text,
    parts: null,
    numReasoningTokens: 0,
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
