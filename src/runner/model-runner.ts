// The only interface to a model. The native runner and the tests' fake runner implement it, and the same conformance
// suite checks both.

import type { AdapterInfo, MemoryReport, ModelInfo } from "../protocol/model-info.ts";
import type { Request } from "../request/request.ts";
import type { GrammarSpec } from "../request/sampling-params.ts";
import type { StepPlan, StepResult } from "../scheduler/scheduler-output.ts";
import type { Tokenizer } from "./tokenizer.ts";

export interface ModelRunner {
  readonly info: ModelInfo;
  readonly tokenizer: Tokenizer;
  memory(): MemoryReport;
  /**
   * Runs one step. At most one step is in flight; the plan's views are read before the call returns. A plan with
   * a pooled output that this runner cannot compute is a broken invariant.
   * @throws EngineError "engine_step_failed" if the pass fails; any K/V that it wrote is undefined
   */
  run(plan: StepPlan): Promise<StepResult>;
  /**
   * Compiles the grammar for a prompt's sequences, which keep it until a plan lists them as finished.
   * @returns null if the grammar is already compiled
   * @throws RequestError "invalid_value" for a grammar that cannot be enforced, or "unsupported"
   */
  compileGrammar(sequences: readonly Request[], spec: GrammarSpec): Promise<void> | null;
  /**
   * Truncates drafts before the first one that the request's grammar does not allow. Must be called only between steps.
   * @param tokenIds drafts after the request's last token
   */
  cutDrafts(request: Request, tokenIds: readonly number[]): readonly number[];
  /**
   * Finds the tokens, at most `maxTokens`, that the request's grammar leaves no choice about. Must be called only between
   * steps.
   */
  certainDrafts(request: Request, maxTokens: number): readonly number[];
  /**
   * Loads a LoRA adapter from a GGUF file into a slot, replacing any adapter in it. Allowed during a step that does
   * not use the slot, and during sleep.
   * @throws NativeError "adapter_*" or "out_of_memory", leaving the slot unchanged
   */
  loadAdapter(path: string, slot: number): Promise<AdapterInfo>;
  /** Empties a slot. Must be called only between steps. */
  unloadAdapter(slot: number): void;
  /** @throws NativeError "model_*" if the weights could not be restored after being dropped */
  checkReload(): Promise<void>;
  /**
   * Must be called only between steps. Level 1 frees the KV cache and moves weights from a device to host memory; level
   * 2 drops both. Raises a lower sleep level. The tokenizer keeps working.
   * @throws NativeError, leaving everything unchanged
   */
  sleep(level: 1 | 2): Promise<void>;
  /** Restores the weights if they are absent. @throws NativeError; the call can be retried */
  wakeWeights(): Promise<void>;
  /** Allocates an empty KV cache, after wakeWeights(). @throws NativeError; the call can be retried */
  wakeKvCache(): Promise<void>;
  /** Waits for any step in flight, then frees the model. Idempotent. */
  dispose(): Promise<void>;
}
