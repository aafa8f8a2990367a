// A model runner without a model. It packs steps and unpacks results like the native runner, but every row
// samples the same token, so only Pagoda's own bookkeeping remains. It also measures the CPU time of the
// whole process, including garbage collection, in slices of steps in which every sequence decodes.

import type { ModelInfo } from "../src/protocol/model-info.ts";
import type { Request } from "../src/request/request.ts";
import type { ModelRunner } from "../src/runner/model-runner.ts";
import { StepPacker } from "../src/runner/step-batch.ts";
import type { Tokenizer } from "../src/runner/tokenizer.ts";
import type { StepPlan, StepResult } from "../src/scheduler/scheduler-output.ts";
import type { Limits } from "./engine.ts";

const VOCAB_SIZE = 256;
const TOKEN = 97;

const tokenizer: Tokenizer = {
  vocabSize: VOCAB_SIZE,
  eosTokenIds: [],
  encode: async (text) => Int32Array.from(new TextEncoder().encode(text)),
  tokenBytes: (id) => Uint8Array.of(id),
  tokenEntry: (id) => String.fromCharCode(id),
  isSpecial: () => false,
  decode: async (tokenIds) => String.fromCharCode(...tokenIds),
  renderChat: async () => "",
  encodeChat: async () => new Int32Array(0),
};

const info: ModelInfo = {
  architecture: "empty",
  quantization: "none",
  name: "empty",
  weightBytes: 0,
  trainedContextLength: 0,
  numLayers: 0,
  kvBytesPerToken: 0,
  lacksPreTokenizer: false,
  vocabSize: VOCAB_SIZE,
  embeddingLength: 0,
  eosTokenIds: [],
  fimTokenIds: null,
  addBos: false,
  hasChatTemplate: false,
  slidingWindow: null,
  attentionBackend: "paged",
  weightKernels: "none",
  unpackedTypes: [],
  device: "none",
  weightsOnDevice: false,
};

export interface Slices {
  /** Number of decoding sequences that a step must have to count. */
  readonly numSeqs: number;
  /** Number of steps before the first slice, which give the JIT compiler time to finish. */
  readonly numWarmUpSteps: number;
  readonly stepsPerSlice: number;
}

export class EmptyRunner implements ModelRunner {
  readonly info = info;
  readonly tokenizer = tokenizer;
  /** CPU time per step in each complete slice, in µs. */
  readonly cpuUsPerStep: number[] = [];
  readonly #packer: StepPacker;
  readonly #slices: Slices;
  #numSteps = 0;
  #cpuUs = 0;

  constructor(limits: Limits, slices: Slices) {
    this.#packer = new StepPacker(limits);
    this.#packer.output.tokenIds.fill(TOKEN);
    this.#slices = slices;
  }

  memory() {
    return { weights: 0, kv: 0, scratch: 0 };
  }

  async run(plan: StepPlan): Promise<StepResult> {
    if (isDecodeOf(plan, this.#slices.numSeqs)) this.#count();
    this.#packer.pack(plan, () => 0);
    return this.#packer.unpack(plan);
  }

  certainDrafts(): readonly number[] {
    return [];
  }

  cutDrafts(_: Request, tokenIds: readonly number[]): readonly number[] {
    return tokenIds;
  }

  compileGrammar(): null {
    return null;
  }

  async loadAdapter(): Promise<never> {
    throw new Error("no adapters");
  }

  unloadAdapter(): void {}

  async checkReload(): Promise<void> {}
  async sleep(): Promise<void> {}

  async wakeWeights(): Promise<void> {}

  async wakeKvCache(): Promise<void> {}

  async dispose(): Promise<void> {}

  /** Called at the same point in each step, so that a slice contains only whole steps. */
  #count(): void {
    const { numWarmUpSteps, stepsPerSlice } = this.#slices;
    const step = this.#numSteps++ - numWarmUpSteps;
    if (step < 0 || step % stepsPerSlice !== 0) return;
    const { user, system } = process.cpuUsage();
    if (step > 0) this.cpuUsPerStep.push((user + system - this.#cpuUs) / stepsPerSlice);
    this.#cpuUs = user + system;
  }
}

function isDecodeOf(plan: StepPlan, numSeqs: number): boolean {
  return plan.scheduled.length === numSeqs && plan.numScheduledTokens === numSeqs;
}
