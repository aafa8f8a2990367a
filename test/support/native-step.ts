// Drives the addon's step() with hand-written sequences and rows, below the scheduler: a test chooses
// which tokens go where and how each row is sampled, and gets one record per row.

import { loadAddon } from "../../src/runner/addon.ts";
import {
  DEFAULT_LOAD_OPTIONS,
  FAULT_DROPPED,
  FAULT_NAN,
  FAULT_REFUSED,
  type LoadModelOptions,
  type NativeModel,
} from "../../src/runner/addon-types.ts";
import { StepPacker } from "../../src/runner/step-batch.ts";

export const TINY_LIMITS = {
  numBlocks: 64,
  blockSize: 16,
  maxNumSeqs: 16,
  maxNumBatchedTokens: 512,
};

/** Loads a model for tests: one thread, the paged backend, f16 KV, TINY_LIMITS. */
export async function loadTestModel(
  path: string,
  options: Partial<LoadModelOptions> = {},
): Promise<NativeModel> {
  const addon = await loadAddon();
  const defaults: LoadModelOptions = {
    path,
    ...DEFAULT_LOAD_OPTIONS,
    ...TINY_LIMITS,
    numThreads: 1,
  };
  return addon.loadModel({ ...defaults, ...options }, () => {});
}

/** How to sample one row of logits; by default, greedily and without penalties. */
export interface StepRow {
  /** Index among the sequence's tokens in this step; by default, the last one. */
  readonly token?: number;
  readonly temperature?: number;
  readonly topK?: number;
  readonly topP?: number;
  readonly minP?: number;
  readonly presencePenalty?: number;
  readonly frequencyPenalty?: number;
  readonly repetitionPenalty?: number;
  readonly seed?: bigint;
  readonly outputIndex?: number;
  readonly flags?: number;
  /** Handle from createSampler(). */
  readonly sampler?: number;
  readonly numLogprobs?: number;
  /** Token to score instead of sampling. */
  readonly target?: number;
  /** Token that this row must sample for the next row to be sampled. */
  readonly expected?: number;
}

export interface StepSequence {
  readonly tokenIds: readonly number[];
  /** Position of the first token. */
  readonly start?: number;
  /** IDs, starting from 1, of the whole sequence's blocks, in order. */
  readonly blockIds: readonly number[];
  /** Adapter slot for all tokens, or one for each; by default, none. */
  readonly adapter?: number | readonly number[];
  readonly rows: readonly StepRow[];
}

export interface StepRowResult {
  readonly tokenId: number;
  readonly logprob: number;
  readonly rank: number;
  /** [numLogprobs], most likely first. */
  readonly top: readonly { readonly tokenId: number; readonly logprob: number }[];
  readonly hasNan: boolean;
  /** True if the grammar left no token. */
  readonly isRefused: boolean;
  readonly isDropped: boolean;
}

export class NativeStep {
  readonly #model: NativeModel;
  readonly #packer = new StepPacker({ ...TINY_LIMITS, maxModelLen: 512 });

  constructor(model: NativeModel) {
    this.#model = model;
  }

  /** Runs all sequences in one step. @returns one record per row, in sequence order */
  async run(sequences: readonly StepSequence[]): Promise<StepRowResult[]> {
    const { batch, output } = this.#packer;
    batch.numTokens = 0;
    batch.numSeqs = 0;
    batch.numOutputs = 0;
    batch.numBlockCopies = 0;
    for (const sequence of sequences) this.#pack(sequence);
    const counts = batch.numLogprobs.subarray(0, batch.numOutputs);
    const numTop = counts.reduce((sum, count) => sum + Math.max(0, count), 0);
    output.topIds = new Int32Array(numTop);
    output.topLogprobs = new Float32Array(numTop);
    await this.#model.step(batch, output);
    return Array.from({ length: batch.numOutputs }, (_, row) => this.#result(row));
  }

  /** Duration of the last step's forward pass. */
  get forwardMs(): number {
    return this.#packer.output.timings[0] ?? Number.NaN;
  }

  /** Sampling time of the last step. */
  get samplingMs(): number {
    return this.#packer.output.timings[1] ?? Number.NaN;
  }

  #pack(sequence: StepSequence): void {
    const { batch } = this.#packer;
    const { tokenIds, start = 0, blockIds, adapter = -1, rows } = sequence;
    const { blockSize } = TINY_LIMITS;
    const first = batch.numTokens;
    tokenIds.forEach((tokenId, i) => {
      const position = start + i;
      const blockId = blockIds[Math.floor(position / blockSize)] ?? 0;
      batch.tokens[first + i] = tokenId;
      batch.positions[first + i] = position;
      batch.slotMapping[first + i] = blockId * blockSize + (position % blockSize);
      batch.adapterSlots[first + i] = typeof adapter === "number" ? adapter : (adapter[i] ?? -1);
    });
    const index = batch.numSeqs++;
    batch.numTokens += tokenIds.length;
    batch.queryStart[index + 1] = batch.numTokens;
    batch.seqLens[index] = start + tokenIds.length;
    const table = batch.blockTableStart[index] ?? 0;
    batch.blockIds.set(blockIds, table);
    batch.blockTableStart[index + 1] = table + blockIds.length;
    for (const row of rows) this.#packRow(row, first + (row.token ?? tokenIds.length - 1));
  }

  #packRow(row: StepRow, tokenRow: number): void {
    const { batch } = this.#packer;
    const i = batch.numOutputs++;
    const seed = row.seed ?? 0n;
    batch.outputRows[i] = tokenRow;
    batch.temperature[i] = row.temperature ?? 0;
    batch.topK[i] = row.topK ?? 0;
    batch.topP[i] = row.topP ?? 1;
    batch.minP[i] = row.minP ?? 0;
    batch.presencePenalty[i] = row.presencePenalty ?? 0;
    batch.frequencyPenalty[i] = row.frequencyPenalty ?? 0;
    batch.repetitionPenalty[i] = row.repetitionPenalty ?? 1;
    batch.seedLow[i] = Number(seed & 0xffffffffn);
    batch.seedHigh[i] = Number(seed >> 32n);
    batch.outputIndex[i] = row.outputIndex ?? 0;
    batch.flags[i] = row.flags ?? 0;
    batch.sampler[i] = row.sampler ?? 0;
    batch.numLogprobs[i] = row.numLogprobs ?? 0;
    batch.targetTokens[i] = row.target ?? -1;
    batch.expectedTokens[i] = row.expected ?? -1;
  }

  #result(row: number): StepRowResult {
    const { batch, output } = this.#packer;
    const counts = Array.from(batch.numLogprobs, (count) => Math.max(0, count));
    const start = counts.slice(0, row).reduce((sum, count) => sum + count, 0);
    const numLogprobs = counts[row] ?? 0;
    return {
      tokenId: output.tokenIds[row] ?? -1,
      logprob: output.logprobs[row] ?? Number.NaN,
      rank: output.ranks[row] ?? -1,
      top: Array.from({ length: numLogprobs }, (_, i) => ({
        tokenId: output.topIds[start + i] ?? -1,
        logprob: output.topLogprobs[start + i] ?? Number.NaN,
      })),
      hasNan: ((output.rowFaults[row] ?? 0) & FAULT_NAN) !== 0,
      isRefused: ((output.rowFaults[row] ?? 0) & FAULT_REFUSED) !== 0,
      isDropped: ((output.rowFaults[row] ?? 0) & FAULT_DROPPED) !== 0,
    };
  }
}
