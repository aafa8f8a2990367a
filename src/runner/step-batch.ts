// Packs a step's plan into the flat arrays that the addon reads, and unpacks the step's results. The arrays are
// allocated once for the largest possible step; packing writes in place and allocates nothing.
//
//   tokens      | seq 0 ........ | seq 1 | seq 2 ..... |     queryStart marks the bars
//   outputRows            prompt rows to score ^, rows to sample ^ (after the last known token and after each draft)

import { assert } from "../assert.ts";
import type { LogprobsMode, PositionLogprobs } from "../request/logprobs.ts";
import type { Request } from "../request/request.ts";
import { USUAL_LOGPROBS } from "../request/sampling-params.ts";
import type {
  BlockTransfers,
  DraftFault,
  ScheduledRequest,
  ScheduledResult,
  StepPlan,
  StepResult,
} from "../scheduler/scheduler-output.ts";
import {
  DRAFT_FAULT_FAILED,
  DRAFT_FAULT_NAN,
  FAULT_DROPPED,
  FAULT_NAN,
  FAULT_REFUSED,
  FLAG_BAN_END,
  FLAG_REPORT_LOGITS,
  FLAG_REPORT_PROCESSED,
  type StepBatch,
  type StepOutput,
} from "./addon-types.ts";

export interface StepBatchLimits {
  readonly blockSize: number;
  readonly maxNumSeqs: number;
  readonly maxNumBatchedTokens: number;
  readonly maxModelLen: number;
}

/** Called once per sampled row. @returns the handle of a request's native sampler state; 0 = none */
export type SamplerLookup = (request: Request) => number;

const REPORT_FLAGS: Readonly<Record<LogprobsMode, number>> = {
  raw_logprobs: 0,
  raw_logits: FLAG_REPORT_LOGITS,
  processed_logprobs: FLAG_REPORT_PROCESSED,
  processed_logits: FLAG_REPORT_PROCESSED | FLAG_REPORT_LOGITS,
};

/** Use of a row: to score a token, or to sample one. */
interface RowUse {
  readonly target?: number;
  /** Draft that the sampled token must match for the next row to be sampled. */
  readonly expected?: number;
  readonly sampler?: number;
  /** Number of drafts before the row. */
  readonly index?: number;
}

const DRAFT_FAULTS: Readonly<Record<number, DraftFault>> = {
  [DRAFT_FAULT_NAN]: "nan",
  [DRAFT_FAULT_FAILED]: "failed",
};

const NOTHING_SAMPLED = { tokenIds: [], logprobs: null, pooled: null, isRefused: false } as const;

export class StepPacker {
  readonly batch: StepBatch;
  readonly output: StepOutput;
  readonly #limits: StepBatchLimits;
  /** [numOutputs + 1]: row i's most likely tokens are [topStart[i], topStart[i + 1]). */
  readonly #topStart: Int32Array;

  constructor(limits: StepBatchLimits) {
    this.#limits = limits;
    this.batch = allocateBatch(limits);
    this.output = allocateOutput(limits.maxNumBatchedTokens);
    this.#topStart = new Int32Array(limits.maxNumBatchedTokens + 1);
  }

  /** Fills `batch`. Asserts that the plan is within the limits. */
  pack(plan: StepPlan, samplerOf: SamplerLookup): void {
    const { batch } = this;
    assert(plan.scheduled.length <= this.#limits.maxNumSeqs, "too many sequences in a step");
    assert(
      plan.numScheduledTokens <= this.#limits.maxNumBatchedTokens,
      "too many tokens in a step",
    );
    batch.numTokens = 0;
    batch.numSeqs = 0;
    batch.numOutputs = 0;
    batch.numDraftSeqs = 0;
    assert(plan.scheduled.every(isSupported), "the addon does not support pooling");
    for (const entry of plan.scheduled) this.#packSequence(entry, samplerOf);
    this.#packCopies(plan.transfers);
    this.#makeTopRoom();
  }

  /**
   * Reads `output` for the plan that was packed last.
   * @param onGrammarDropped called for each request whose optional grammar no longer applies
   */
  unpack(plan: StepPlan, onGrammarDropped: (request: Request) => void = () => {}): StepResult {
    let row = 0;
    const results = plan.scheduled.map((entry): ScheduledResult => {
      const numScored = numPromptRows(entry);
      const promptLogprobs = numScored > 0 ? this.#positions(row, numScored) : null;
      let isCorrupted = this.#hasFault(FAULT_NAN, row, numScored);
      row += numScored;
      if (entry.output === "none") return { ...NOTHING_SAMPLED, promptLogprobs, isCorrupted };
      const tokenIds = this.#sampledTokens(row, entry.numDraftTokens + 1);
      const last = row + tokenIds.length - 1;
      isCorrupted ||= this.#hasFault(FAULT_NAN, row, tokenIds.length);
      const isRefused = this.#hasFault(FAULT_REFUSED, last, 1);
      if (this.#hasFault(FAULT_DROPPED, row, tokenIds.length)) onGrammarDropped(entry.request);
      const wantsLogprobs = entry.request.samplingParams.logprobs !== null;
      const logprobs = wantsLogprobs ? this.#positions(row, tokenIds.length) : null;
      row += entry.numDraftTokens + 1;
      return { tokenIds, logprobs, pooled: null, promptLogprobs, isCorrupted, isRefused };
    });
    const [forwardMs = 0, samplingMs = 0] = this.output.timings;
    const draftFault = DRAFT_FAULTS[this.output.draftFault[0] ?? 0];
    return { results, forwardMs, samplingMs, ...(draftFault && { draftFault }) };
  }

  #packSequence(entry: ScheduledRequest, samplerOf: SamplerLookup): void {
    const { batch } = this;
    const { blockSize } = this.#limits;
    const { request, numComputedTokens: start, numScheduledTokens, blockIds, adapterSlot } = entry;
    const adapterStart = request.adapterStart ?? 0;
    const end = start + numScheduledTokens;
    const first = batch.numTokens;
    // For a decoding sequence, creating a view of its only token would cost more than everything else.
    if (numScheduledTokens === 1) batch.tokens[first] = request.tokenAt(start);
    else batch.tokens.set(request.tokenIds(start, endOfKnown(entry)), first);
    for (let i = 0, to = first + endOfKnown(entry) - start; i < entry.numDraftTokens; i++) {
      batch.tokens[to + i] = request.draftTokenIds[i] ?? 0;
    }
    for (let position = start, i = first; position < end; position++, i++) {
      batch.positions[i] = position;
      const blockId = blockIds[(position / blockSize) | 0] ?? 0;
      batch.slotMapping[i] = blockId * blockSize + (position % blockSize);
      batch.adapterSlots[i] = position < adapterStart ? -1 : adapterSlot;
    }
    const sequence = batch.numSeqs++;
    batch.numTokens = first + numScheduledTokens;
    batch.queryStart[sequence + 1] = batch.numTokens;
    batch.seqLens[sequence] = end;
    const tableStart = batch.blockTableStart[sequence] ?? 0;
    batch.blockIds.set(blockIds, tableStart);
    batch.blockTableStart[sequence + 1] = tableStart + blockIds.length;
    this.#packCatchUp(entry, sequence);
    this.#packRows(entry, first, samplerOf);
  }

  #packCatchUp({ request, catchUp }: ScheduledRequest, sequence: number): void {
    if (catchUp === undefined) return;
    const { batch } = this;
    const { start, end } = catchUp;
    const i = batch.numDraftSeqs++;
    const from = batch.catchUpStart[i] ?? 0;
    batch.draftSeqs[i] = sequence;
    batch.catchUpPositions[i] = start;
    batch.catchUpTokens.set(request.tokenIds(start, end), from);
    batch.catchUpStart[i + 1] = from + end - start;
  }

  #packRows(entry: ScheduledRequest, firstToken: number, samplerOf: SamplerLookup): void {
    const { request } = entry;
    const numScored = numPromptRows(entry);
    for (let i = 0; i < numScored; i++) {
      const target = request.tokenIds()[entry.numComputedTokens + i + 1] ?? -1;
      this.#packRow(request, firstToken + i, { target });
    }
    if (entry.output === "none") return;
    const { numDraftTokens, numScheduledTokens } = entry;
    const sampler = samplerOf(request);
    const lastKnown = firstToken + numScheduledTokens - numDraftTokens - 1;
    for (let index = 0; index < numDraftTokens; index++) {
      const expected = request.draftTokenIds[index] ?? 0;
      this.#packRow(request, lastKnown + index, { sampler, index, expected });
    }
    this.#packRow(request, lastKnown + numDraftTokens, { sampler, index: numDraftTokens });
  }

  #packRow(request: Request, tokenRow: number, use: RowUse): void {
    const { batch } = this;
    const { target = -1, expected = -1, sampler = 0, index = 0 } = use;
    const row = batch.numOutputs++;
    const params = request.samplingParams;
    const scores = target >= 0;
    const outputIndex = request.numOutputTokens + index;
    batch.outputRows[row] = tokenRow;
    batch.targetTokens[row] = target;
    batch.expectedTokens[row] = expected;
    batch.sampler[row] = sampler;
    batch.temperature[row] = params.temperature;
    batch.topK[row] = params.topK;
    batch.topP[row] = params.topP;
    batch.minP[row] = params.minP;
    batch.presencePenalty[row] = params.presencePenalty;
    batch.frequencyPenalty[row] = params.frequencyPenalty;
    batch.repetitionPenalty[row] = params.repetitionPenalty;
    batch.seedLow[row] = request.seedLow;
    batch.seedHigh[row] = request.seedHigh;
    batch.outputIndex[row] = outputIndex;
    const isBanned = outputIndex < params.minTokens;
    batch.flags[row] = REPORT_FLAGS[params.logprobsMode] | (isBanned ? FLAG_BAN_END : 0);
    const numLogprobs = (scores ? params.promptLogprobs : params.logprobs) ?? -1;
    batch.numLogprobs[row] = numLogprobs;
    this.#topStart[row + 1] = (this.#topStart[row] ?? 0) + Math.max(0, numLogprobs);
  }

  /**
   * Makes room for the step's most likely tokens. Shrinks the arrays after a step that needed much more room than
   * usual.
   */
  #makeTopRoom(): void {
    const { batch, output } = this;
    const usual = this.#limits.maxNumBatchedTokens * USUAL_LOGPROBS;
    const length = Math.max(usual, this.#topStart[batch.numOutputs] ?? 0);
    if (output.topIds.length === length) return;
    output.topIds = new Int32Array(length);
    output.topLogprobs = new Float32Array(length);
  }

  #packCopies({ copies }: BlockTransfers): void {
    const { batch } = this;
    assert(copies.length * 2 <= batch.blockCopies.length, "too many block copies in a step");
    batch.numBlockCopies = copies.length;
    copies.forEach(([source, destination], i) => {
      batch.blockCopies[2 * i] = source;
      batch.blockCopies[2 * i + 1] = destination;
    });
  }

  #hasFault(fault: number, firstRow: number, count: number): boolean {
    const end = firstRow + count;
    for (let row = firstRow; row < end; row++)
      if (((this.output.rowFaults[row] ?? 0) & fault) !== 0) return true;
    return false;
  }

  /** @returns the tokens from a run of `count` rows, which can end early */
  #sampledTokens(firstRow: number, count: number): readonly number[] {
    const { tokenIds } = this.output;
    if (count === 1) return [tokenIds[firstRow] ?? 0];
    const run = tokenIds.subarray(firstRow, firstRow + count);
    const end = run.indexOf(-1);
    return [...run.subarray(0, end < 0 ? count : end)];
  }

  #positions(firstRow: number, count: number): PositionLogprobs[] {
    return Array.from({ length: count }, (_, i) => this.#position(firstRow + i));
  }

  #position(row: number): PositionLogprobs {
    const { tokenIds, logprobs, ranks, topIds, topLogprobs } = this.output;
    const chosen = {
      tokenId: tokenIds[row] ?? 0,
      logprob: logprobs[row] ?? 0,
      rank: ranks[row] ?? 0,
    };
    const start = this.#topStart[row] ?? 0;
    const count = (this.#topStart[row + 1] ?? start) - start;
    const top = Array.from({ length: count }, (_, i) => ({
      tokenId: topIds[start + i] ?? 0,
      logprob: topLogprobs[start + i] ?? 0,
      rank: i + 1,
    }));
    return { chosen, top };
  }
}

const isSupported = ({ output }: ScheduledRequest) => output !== "pooled";

/** @returns the position after an entry's known tokens, where its drafts begin */
const endOfKnown = ({ numComputedTokens, numScheduledTokens, numDraftTokens }: ScheduledRequest) =>
  numComputedTokens + numScheduledTokens - numDraftTokens;

/** @returns the number of rows that score a prompt token: one for each position that is followed by a prompt token */
function numPromptRows(entry: ScheduledRequest): number {
  const { request, numComputedTokens, numScheduledTokens } = entry;
  if (request.samplingParams.promptLogprobs === null) return 0;
  const end = Math.min(numComputedTokens + numScheduledTokens, request.numPromptTokens - 1);
  return Math.max(0, end - numComputedTokens);
}

function allocateBatch(limits: StepBatchLimits): StepBatch {
  const { maxNumSeqs, maxNumBatchedTokens: numTokens, maxModelLen, blockSize } = limits;
  const maxBlocks = maxNumSeqs * Math.ceil(maxModelLen / blockSize);
  const int32 = (length: number) => new Int32Array(length);
  const float32 = (length: number) => new Float32Array(length);
  return {
    numTokens: 0,
    numSeqs: 0,
    numBlockCopies: 0,
    numOutputs: 0,
    tokens: int32(numTokens),
    positions: int32(numTokens),
    slotMapping: int32(numTokens),
    adapterSlots: int32(numTokens).fill(-1),
    queryStart: int32(maxNumSeqs + 1),
    seqLens: int32(maxNumSeqs),
    blockTableStart: int32(maxNumSeqs + 1),
    blockIds: int32(maxBlocks),
    blockCopies: int32(2 * maxNumSeqs),
    outputRows: int32(numTokens),
    temperature: float32(numTokens),
    topK: int32(numTokens),
    topP: float32(numTokens),
    minP: float32(numTokens),
    presencePenalty: float32(numTokens),
    frequencyPenalty: float32(numTokens),
    repetitionPenalty: float32(numTokens),
    seedLow: new Uint32Array(numTokens),
    seedHigh: new Uint32Array(numTokens),
    outputIndex: int32(numTokens),
    flags: new Uint32Array(numTokens),
    sampler: int32(numTokens),
    numLogprobs: int32(numTokens),
    targetTokens: int32(numTokens),
    expectedTokens: int32(numTokens).fill(-1),
    numDraftSeqs: 0,
    draftSeqs: int32(maxNumSeqs),
    catchUpPositions: int32(maxNumSeqs),
    catchUpStart: int32(maxNumSeqs + 1),
    catchUpTokens: int32(numTokens),
  };
}

function allocateOutput(numRows: number): StepOutput {
  return {
    tokenIds: new Int32Array(numRows),
    logprobs: new Float32Array(numRows),
    ranks: new Int32Array(numRows),
    topIds: new Int32Array(numRows * USUAL_LOGPROBS),
    topLogprobs: new Float32Array(numRows * USUAL_LOGPROBS),
    rowFaults: new Uint8Array(numRows),
    timings: new Float64Array(2),
    draftFault: new Int32Array(1),
  };
}
