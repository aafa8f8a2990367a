// The one interface to a model: the native runner and the tests' fake implement it, and one
// conformance suite runs over both.

import type { MemoryReport, ModelInfo } from "../protocol/model-info.ts";
import type { StepPlan, StepResult } from "../scheduler/scheduler-output.ts";
import type { Tokenizer } from "./tokenizer.ts";

export interface ModelRunner {
  readonly info: ModelInfo;
  readonly tokenizer: Tokenizer;
  memory(): MemoryReport;
  /**
   * Runs one step. At most one step is in flight; the plan's views are read before this returns. A plan with
   * draft tokens or a pooled output that this runner cannot compute is a broken invariant.
   * @throws EngineError "engine_step_failed" when the pass fails; the KV written by it is undefined.
   */
  run(plan: StepPlan): Promise<StepResult>;
  /** @throws NativeError "model_*" when the weights, once dropped, could not be had again */
  checkReload(): Promise<void>;
  /**
   * Between steps only. Level 1 frees the KV cache and moves weights from a device to host memory, level 2
   * drops both. Deepens a lighter sleep. The tokenizer goes on.
   * @throws NativeError, with nothing changed
   */
  sleep(level: 1 | 2): Promise<void>;
  /** No-op when they are there. @throws NativeError: it can be tried again */
  wakeWeights(): Promise<void>;
  /** After wakeWeights(): an empty KV cache. @throws NativeError: it can be tried again */
  wakeKvCache(): Promise<void>;
  /** Waits for the step in flight, then frees the model. Idempotent. */
  dispose(): Promise<void>;
}
