// Packs a step's plan into the flat arrays that the addon reads, and unpacks the step's results. The arrays are
// allocated once for the largest possible step; packing writes in place and allocates nothing.
//
//   tokens      | seq 0 ........ | seq 1 | seq 2 ..... |     queryStart marks the bars
//   outputRows            prompt rows to score ^, last row to sample ^

import { assert } from "../assert.ts";
import type { LogprobsMode, PositionLogprobs } from "../request/logprobs.ts";
import type { Request } from "../request/request.ts";
import { USUAL_LOGPROBS } from "../request/sampling-params.ts";
import type {
  BlockTransfers,
  ScheduledRequest,
  ScheduledResult,
  StepPlan,
  StepResult,
} from "../scheduler/scheduler-output.ts";
import {
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
    assert(plan.scheduled.every(isSupported), "the addon does not support draft tokens or pooling");
    for (const entry of plan.scheduled) this.#packSequence(entry, samplerOf);
    this.#packCopies(plan.transfers);
    this.#makeTopRoom();
  }

  /** Reads `output` for the plan that was packed last. */
  unpack(plan: StepPlan): StepResult {
    let row = 0;
    const results = plan.scheduled.map((entry): ScheduledResult => {
      const numScored = numPromptRows(entry);
      const promptLogprobs = numScored > 0 ? this.#positions(row, numScored) : null;
      let isCorrupted = this.#hasNan(row, numScored);
      row += numScored;
      if (entry.output === "none") return { ...NOTHING_SAMPLED, promptLogprobs, isCorrupted };
      const sampled = row++;
      const faults = this.output.rowFaults[sampled] ?? 0;
      isCorrupted ||= (faults & FAULT_NAN) !== 0;
      const isRefused = (faults & FAULT_REFUSED) !== 0;
      const tokenIds = [this.output.tokenIds[sampled] ?? 0];
      const wantsLogprobs = entry.request.samplingParams.logprobs !== null;
      const logprobs = wantsLogprobs ? [this.#position(sampled)] : null;
      return { tokenIds, logprobs, pooled: null, promptLogprobs, isCorrupted, isRefused };
    });
    const [forwardMs = 0, samplingMs = 0] = this.output.timings;
    return { results, forwardMs, samplingMs };
  }

  #packSequence(entry: ScheduledRequest, samplerOf: SamplerLookup): void {
    const { batch } = this;
    const { blockSize } = this.#limits;
    const { request, numComputedTokens: start, numScheduledTokens, blockIds } = entry;
    const end = start + numScheduledTokens;
    const first = batch.numTokens;
    // For a decoding sequence, creating a view of its only token would cost more than everything else.
    if (numScheduledTokens === 1) batch.tokens[first] = request.tokenAt(start);
    else batch.tokens.set(request.tokenIds(start, end), first);
    for (let position = start, i = first; position < end; position++, i++) {
      batch.positions[i] = position;
      const blockId = blockIds[(position / blockSize) | 0] ?? 0;
      batch.slotMapping[i] = blockId * blockSize + (position % blockSize);
    }
    const sequence = batch.numSeqs++;
    batch.numTokens = first + numScheduledTokens;
    batch.queryStart[sequence + 1] = batch.numTokens;
    batch.seqLens[sequence] = end;
    const tableStart = batch.blockTableStart[sequence] ?? 0;
    batch.blockIds.set(blockIds, tableStart);
    batch.blockTableStart[sequence + 1] = tableStart + blockIds.length;
    this.#packRows(entry, first, samplerOf);
  }

  #packRows(entry: ScheduledRequest, firstToken: number, samplerOf: SamplerLookup): void {
    const { request } = entry;
    const numScored = numPromptRows(entry);
    for (let i = 0; i < numScored; i++) {
      const target = request.tokenIds()[entry.numComputedTokens + i + 1] ?? -1;
      this.#packRow(request, firstToken + i, target, 0);
    }
    if (entry.output === "none") return;
    this.#packRow(request, firstToken + entry.numScheduledTokens - 1, -1, samplerOf(request));
  }

  #packRow(request: Request, tokenRow: number, target: number, sampler: number): void {
    const { batch } = this;
    const row = batch.numOutputs++;
    const params = request.samplingParams;
    const scores = target >= 0;
    batch.outputRows[row] = tokenRow;
    batch.targetTokens[row] = target;
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
    batch.outputIndex[row] = request.numOutputTokens;
    const isBanned = request.numOutputTokens < params.minTokens;
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

  #hasNan(firstRow: number, count: number): boolean {
    const end = firstRow + count;
    for (let row = firstRow; row < end; row++)
      if (this.output.rowFaults[row] === FAULT_NAN) return true;
    return false;
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

const isSupported = ({ output, numDraftTokens }: ScheduledRequest) =>
  numDraftTokens === 0 && output !== "pooled";

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
  };
}
