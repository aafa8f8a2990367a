// An engine child process whose passes take a fixed time and compute nothing. Its scheduler, loop and
// protocol are real, so a load measures the front end at a known engine speed.

import type { EngineConfig } from "../../src/engine/engine-config.ts";
import { stackOf } from "../../src/errors.ts";
import { EngineChild } from "../../src/process/engine-child.ts";
import { PLAIN_TEXT } from "../../src/protocol/message-parsing.ts";
import { connectToParent, dieWithParent, endNow } from "../../src/runtime/child-process.ts";
import { printErrorLine } from "../../src/runtime/terminal.ts";
import type { StepPlan, StepResult } from "../../src/scheduler/scheduler-output.ts";
import { EmptyRunner } from "../empty-runner.ts";
import { type Limits, startClient } from "../engine.ts";

export interface StubOptions {
  /** Duration of every pass, regardless of its contents. */
  readonly stepMs: number;
  /** Number of sequences in a pass. */
  readonly maxNumSeqs: number;
}

export const STUB_ENGINE = [process.execPath, import.meta.path];

const BLOCK_SIZE = 16;
const MAX_MODEL_LEN = 2048;
const NUM_BLOCKS = 65_536;
const MAX_NUM_BATCHED_TOKENS = 16_384;

/** Config for the child process, which parses the model path as the duration of a pass. */
export function stubConfig({ stepMs, maxNumSeqs }: StubOptions): EngineConfig {
  return {
    ...{ modelPath: String(stepMs), maxNumSeqs, blockSize: BLOCK_SIZE, kvCacheType: "f16" },
    ...{ maxNumBatchedTokens: MAX_NUM_BATCHED_TOKENS, maxModelLen: MAX_MODEL_LEN },
    allowLongMaxModelLen: false,
    ...{
      kvCacheMemoryBytes: null,
      numBlocksOverride: NUM_BLOCKS,
      lora: null,
      speculation: null,
      enablePrefixCaching: true,
    },
    ...{ hashSeed: null, residencySampleRate: null },
    ...{ longPrefillTokenThreshold: null, maxNumPartialPrefills: null },
    ...{ targetInterTokenLatencyMs: null, policy: "fcfs", seed: 0n, numThreads: 1, poll: 0 },
    ...{ cpuAffinity: new Int32Array(0), attentionBackend: "auto", weightKernels: "packed" },
    ...{ numGpuLayers: 0, chatTemplate: "", chatFormat: PLAIN_TEXT },
  };
}

class PacedRunner extends EmptyRunner {
  readonly #stepMs: number;

  constructor(limits: Limits, stepMs: number) {
    super(limits, { numSeqs: 0, numWarmUpSteps: 0, stepsPerSlice: 1 });
    this.#stepMs = stepMs;
  }

  override async run(plan: StepPlan): Promise<StepResult> {
    const [result] = await Promise.all([super.run(plan), Bun.sleep(this.#stepMs)]);
    return result;
  }
}

async function startStub(config: EngineConfig) {
  const { maxNumSeqs, maxNumBatchedTokens, blockSize } = config;
  const limits = { blockSize, maxNumSeqs, maxNumBatchedTokens, maxModelLen: MAX_MODEL_LEN };
  return startClient(new PacedRunner(limits, Number(config.modelPath)), NUM_BLOCKS, limits);
}

if (import.meta.main) {
  dieWithParent();
  await EngineChild.run({
    connect: connectToParent,
    startEngine: startStub,
    availableBytes: null,
    onEnd: (fault) => {
      if (fault !== null) printErrorLine(stackOf(fault));
      endNow();
    },
  });
}
