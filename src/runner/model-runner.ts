// The one interface to a model: the native runner and the tests' fake implement it, and one
// conformance suite runs over both.

import type { StepPlan, StepResult } from "../scheduler/scheduler-output.ts";
import type { MemoryReport, ModelInfo } from "./addon-types.ts";
import type { Tokenizer } from "./tokenizer.ts";

export interface ModelRunner {
  readonly info: ModelInfo;
  readonly tokenizer: Tokenizer;
  memory(): MemoryReport;
  /**
   * Runs one step. At most one step is in flight; the plan's views are read before this returns.
   * @throws EngineError "engine_step_failed" when the pass fails; the KV written by it is undefined.
   */
  run(plan: StepPlan): Promise<StepResult>;
  /** Waits for the step in flight, then frees the model. Idempotent. */
  dispose(): Promise<void>;
}
