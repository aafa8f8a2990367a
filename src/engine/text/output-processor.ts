// Turns sampled tokens into outputs: incremental text, stop strings, log-probabilities with bytes,
// and the request's marks on the engine clock. One state a live request; knows no scheduler policy.

import { assert } from "../../assert.ts";
import type { LogprobEntry, LogprobPosition, RequestOutput } from "../../protocol/protocol.ts";
import type { Request } from "../../request/request.ts";
import { FINISH_REASON_OF, isFinished } from "../../request/request-status.ts";
import type { Tokenizer } from "../../runner/tokenizer.ts";
import type {
  PositionLogprobs,
  SampledToken,
  TokenLogprob,
} from "../../scheduler/scheduler-output.ts";
import { Detokenizer, TokenTexts } from "./detokenizer.ts";
import { StopChecker } from "./stop-checker.ts";

interface OutputState {
  readonly detokenizer: Detokenizer;
  readonly stopChecker: StopChecker;
  readonly queuedS: number;
  scheduledS: number | null;
  firstTokenS: number | null;
  lastTokenS: number | null;
  numReportedPreemptions: number;
  isCorrupted: boolean;
  /** Of prompt positions [1, length + 1); null unless asked for. */
  promptLogprobs: LogprobPosition[] | null;
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
    assert(!this.#states.has(request.requestId), `${request.requestId}: added twice`);
    const { stop, includeStopStrInOutput, skipSpecialTokens, promptLogprobs } =
      request.samplingParams;
    this.#states.set(request.requestId, {
      detokenizer: new Detokenizer(this.#texts, skipSpecialTokens),
      stopChecker: new StopChecker(stop, includeStopStrInOutput),
      queuedS: nowS,
      scheduledS: null,
      firstTokenS: null,
      lastTokenS: null,
      numReportedPreemptions: 0,
      isCorrupted: false,
      promptLogprobs: promptLogprobs === null ? null : [],
    });
  }

  /** The request is part of a step; only its first step counts. */
  markScheduled(request: Request, nowS: number): void {
    this.#state(request).scheduledS ??= nowS;
  }

  /** False too for a request that is not live. */
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
      kept[startPosition + i] = this.#logprobPosition(position);
    });
  }

  /**
   * The output of one sampled token.
   * @returns `stopped` when a stop string ended the text: the caller then finishes the request
   */
  process(token: SampledToken, nowS: number): { output: RequestOutput; stopped: boolean } {
    const { request, tokenId } = token;
    const state = this.#state(request);
    const isFirst = state.firstTokenS === null;
    state.firstTokenS ??= nowS;
    state.lastTokenS = nowS;
    state.isCorrupted ||= token.isCorrupted;
    const { text, stop } = this.#advanceText(token, state);
    const { status } = request;
    const finishReason = isFinished(status) ? FINISH_REASON_OF[status] : null;
    const output = outputOf(request, state, {
      text,
      tokenIds: [tokenId],
      tokenTimesS: [nowS],
      logprobs: token.logprobs === null ? null : [this.#logprobPosition(token.logprobs)],
      promptLogprobs: isFirst ? state.promptLogprobs : null,
      finishReason: stop === null ? finishReason : "stop",
      stopReason: stop ?? token.stopReason,
    });
    if (output.finishReason !== null) this.#states.delete(request.requestId);
    return { output, stopped: stop !== null };
  }

  /** The last output of a request that ended without a token: aborted, or failed with its step. */
  finish(request: Request): RequestOutput {
    const { status } = request;
    assert(isFinished(status), `${request.requestId}: ${status} is not finished`);
    const state = this.#state(request);
    this.#states.delete(request.requestId);
    return outputOf(request, state, {
      text: state.stopChecker.flush(),
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
    assert(state !== undefined, `${request.requestId}: no output state`);
    return state;
  }

  /** A stop token's own text is left out unless stop strings are to be shown, as vLLM does. */
  #advanceText(token: SampledToken, state: OutputState): { text: string; stop: string | null } {
    const { request, tokenId } = token;
    const { includeStopStrInOutput, minTokens } = request.samplingParams;
    const isHidden = request.status === "FINISHED_STOPPED" && !includeStopStrInOutput;
    const added = isHidden ? "" : state.detokenizer.push(tokenId);
    // As in vLLM's detokenizer, a stop string must end in the text of a token after the minTokens-th.
    const { text, stop } = state.stopChecker.push(added, request.numOutputTokens > minTokens);
    if (stop !== null || !request.isFinished) return { text, stop };
    return { text: text + state.stopChecker.flush(), stop: null };
  }

  #logprobPosition(position: PositionLogprobs): LogprobPosition {
    return {
      chosen: this.#logprobEntry(position.chosen),
      top: position.top.map((entry) => this.#logprobEntry(entry)),
    };
  }

  #logprobEntry(entry: TokenLogprob): LogprobEntry {
    return { ...entry, bytes: this.#texts.bytes(entry.tokenId).slice() };
  }
}

/** What a step adds to a request's output. */
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

/** Field by field: one is made for every token, and spreading takes several times as long. */
function outputOf(request: Request, state: OutputState, added: Added): RequestOutput {
  const numPreemptions = request.numPreemptions - state.numReportedPreemptions;
  state.numReportedPreemptions = request.numPreemptions;
  const { queuedS, scheduledS, firstTokenS, lastTokenS } = state;
  return {
    requestId: request.requestId,
    text: added.text,
    tokenIds: added.tokenIds,
    tokenTimesS: added.tokenTimesS,
    logprobs: added.logprobs,
    promptLogprobs: added.promptLogprobs,
    finishReason: added.finishReason,
    stopReason: added.stopReason,
    numPromptTokens: request.numPromptTokens,
    numCachedTokens: Math.max(0, request.numCachedTokens),
    numPreemptions,
    isCorrupted: state.isCorrupted,
    timeline: { queuedS, scheduledS, firstTokenS, lastTokenS },
  };
}
