// The parts that make up an in-process engine, and its callbacks.

import type { EngineError } from "../errors.ts";
import type { EngineInfo } from "../protocol/protocol.ts";
import type { ModelRunner } from "../runner/model-runner.ts";
import type { Scheduler } from "../scheduler/scheduler.ts";
import type { DraftFault } from "../scheduler/scheduler-output.ts";
import type { Proposer } from "../speculation/proposer.ts";
import type { AdapterFiles } from "./adapter-loader.ts";

export interface InProcessEngineOptions {
  readonly info: EngineInfo;
  readonly scheduler: Scheduler;
  readonly runner: ModelRunner;
  readonly seed: bigint;
  /** Tokens that cut the model's reasoning short; absent = reasoning is never cut short. */
  readonly endOfReasoning?: readonly number[];
  /** Predicts tokens that the next step verifies; absent or null = none are predicted. */
  readonly proposer?: Proposer | null;
  /** Files of LoRA adapters; absent = their paths are GGUF files. */
  readonly adapterFiles?: AdapterFiles;
  /** The engine's monotonic clock, in ms. */
  readonly nowMs?: () => number;
  /**
   * Receives the error from a failed step. The step's requests end with an error that hides the cause.
   * @param externalIds external IDs of the step's requests
   */
  readonly onStepFault?: (error: EngineError, externalIds: readonly string[]) => void;
  /** Called once if the draft model fails. It is not used again. */
  readonly onDraftFault?: (fault: DraftFault) => void;
}
