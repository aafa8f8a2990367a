// The in-process engine: a loop that schedules, runs, updates and emits. While the native thread computes a step, the
// outputs of the previous step are passed to the front.
//
//   schedule N | run N ...........................| update N | schedule N+1 | run N+1 ....
//                  emit outputs of N-1                                         emit outputs of N
//
// A failed step ends only its own requests; a broken invariant stops the engine.

import { assert } from "../assert.ts";
import { EngineError, engineDead, shuttingDown } from "../errors.ts";
import { opensReasoning } from "../formats/reasoning-formats.ts";
import type { EngineCalls } from "../protocol/engine-calls.ts";
import { fitMaxTokens } from "../protocol/prompt-limits.ts";
import type {
  EngineClient,
  EngineInfo,
  EngineOutputs,
  EngineRequest,
  RequestOutput,
} from "../protocol/protocol.ts";
import type { Request } from "../request/request.ts";
import { ADAPTER_FAILED } from "../request/request-status.ts";
import type { CompiledGrammar } from "../request/sampling-params.ts";
import type { ModelRunner } from "../runner/model-runner.ts";
import type { Scheduler } from "../scheduler/scheduler.ts";
import type { SampledTokens, StepPlan, StepResult } from "../scheduler/scheduler-output.ts";
import { Signal } from "../signal.ts";
import type { Proposer } from "../speculation/proposer.ts";
import { AdapterLoader, GGUF_FILES } from "./adapter-loader.ts";
import { engineCalls } from "./engine-calls.ts";
import { EngineSleep } from "./engine-sleep.ts";
import type { InProcessEngineOptions } from "./in-process-engine-options.ts";
import { SeedSource } from "./seed-source.ts";
import { predictionIdsOf, sequencesOf, tokenIdsOf } from "./sequences.ts";
import { StepGap } from "./step-gap.ts";
import { OutputProcessor } from "./text/output-processor.ts";

const NO_STEP = { numScheduledTokens: 0, forwardMs: 0, samplingMs: 0 };

/** Number of consecutive failed steps after which the engine gives up. */
const MAX_FAILED_STEPS = 3;

export class InProcessEngine implements EngineClient {
  readonly info: EngineInfo;
  readonly #died = Promise.withResolvers<Error>();
  readonly died = this.#died.promise;
  readonly calls: EngineCalls;
  readonly #scheduler: Scheduler;
  readonly #runner: ModelRunner;
  readonly #nowMs: () => number;
  readonly #onStepFault: NonNullable<InProcessEngineOptions["onStepFault"]>;
  /** Listener for a fault of the draft model; null after the first fault. */
  #onDraftFault: InProcessEngineOptions["onDraftFault"] | null;
  readonly #seeds: SeedSource;
  readonly #endOfReasoning: readonly number[];
  readonly #proposer: Proposer | null;
  readonly #processor: OutputProcessor;
  readonly #loader: AdapterLoader;
  /** Live sequences by ID. */
  readonly #requests = new Map<string, Request>();
  /** IDs of requests whose prompts are being tokenized, except requests aborted in the meantime. */
  readonly #arriving = new Set<string>();
  readonly #gap = new StepGap(() => this.#notify());
  #listener: (message: EngineOutputs) => void = () => {};
  #outputs: RequestOutput[] = [];
  /** True if anything has changed since the last message. */
  #isDirty = false;
  /** Timings of the last step, to be sent with the next message. */
  #timings = NO_STEP;
  #numFailedSteps = 0;
  #arrivalOrder = 0;
  #death: EngineError | null = null;
  readonly #change = new Signal();
  #isStopping = false;
  readonly #loop: Promise<void>;

  constructor(options: InProcessEngineOptions) {
    this.info = options.info;
    this.#scheduler = options.scheduler;
    this.#runner = options.runner;
    this.#nowMs = options.nowMs ?? (() => performance.now());
    this.#onStepFault = options.onStepFault ?? (() => {});
    this.#onDraftFault = options.onDraftFault ?? null;
    const { scheduler, runner, adapterFiles: files = GGUF_FILES } = options;
    this.#loader = new AdapterLoader({
      ...{ scheduler, runner, files },
      notify: () => this.#notify(),
      failRequests: (key) => this.#failAdapter(key),
    });
    this.calls = engineCalls({
      ...{ scheduler, tokenizer: runner.tokenizer, gap: this.#gap },
      loader: this.#loader,
      sleep: new EngineSleep(scheduler, runner),
      abortAllButHeld: () => this.#abortAllButHeld(),
    });
    this.#endOfReasoning = options.endOfReasoning ?? [];
    this.#proposer = options.proposer ?? null;
    this.#seeds = new SeedSource(options.seed);
    this.#processor = new OutputProcessor(options.runner.tokenizer);
    this.#loop = this.#run();
  }

  get unavailable(): EngineError | null {
    return this.#death ?? (this.#isStopping ? shuttingDown() : null);
  }

  async add(request: EngineRequest): Promise<Int32Array> {
    const { requestIds, prompt } = request;
    const usesPrediction = this.#proposer !== null && request.prediction !== undefined;
    if (prompt instanceof Int32Array && !usesPrediction) {
      await this.#queue(request, prompt);
      return prompt;
    }
    for (const id of requestIds) this.#arriving.add(id);
    try {
      const { tokenizer } = this.#runner;
      const isTokenized = prompt instanceof Int32Array;
      const promptTokenIds = isTokenized ? prompt : await tokenIdsOf(tokenizer, prompt, this.info);
      const predictionIds = usesPrediction
        ? await predictionIdsOf(tokenizer, request, this.info)
        : null;
      const isCompiled = this.#queue(request, promptTokenIds, predictionIds);
      this.abort(requestIds.filter((id) => !this.#arriving.has(id)));
      await isCompiled;
      return promptTokenIds;
    } finally {
      for (const id of requestIds) this.#arriving.delete(id);
    }
  }

  /**
   * Queues a request's sequences.
   * @returns a promise if the sequences must wait for their grammar. If the grammar cannot be compiled, the promise
   * rejects and the sequences end without an output.
   */
  #queue(
    request: EngineRequest,
    promptTokenIds: Int32Array,
    predictionTokenIds: Int32Array | null = null,
  ): Promise<void> | null {
    if (this.unavailable !== null) throw this.unavailable;
    const maxTokens = fitMaxTokens(this.info, request, promptTokenIds);
    const arrivalOrder = this.#arrivalOrder;
    this.#arrivalOrder += request.requestIds.length;
    const spec = this.#grammarOf(request, promptTokenIds);
    const grammar = spec === null ? null : { isReady: false };
    const sequences = sequencesOf({
      ...{ request, promptTokenIds, predictionTokenIds, maxTokens, arrivalOrder, grammar },
      seeds: this.#seeds,
    });
    const compiling = spec === null ? null : this.#runner.compileGrammar(sequences, spec);
    if (grammar !== null) grammar.isReady = compiling === null;
    for (const sequence of sequences) {
      this.#requests.set(sequence.requestId, sequence);
      this.#processor.add(sequence, this.#nowS(), request);
      this.#scheduler.add(sequence);
    }
    this.#notify();
    return grammar && compiling && this.#release(sequences, grammar, compiling);
  }

  /** @returns the variant of the grammar that fits the end of the prompt */
  #grammarOf({ samplingParams, parsing }: EngineRequest, promptTokenIds: Int32Array) {
    const { grammar } = samplingParams;
    if (grammar?.textAfterOpen === undefined || parsing === undefined) return grammar;
    const isOpen = opensReasoning(parsing, this.#processor.promptEnd(promptTokenIds));
    return isOpen ? { ...grammar, text: grammar.textAfterOpen } : grammar;
  }

  /** Releases sequences once their grammar is compiled, or ends them without an output if it cannot be compiled. */
  async #release(
    sequences: readonly Request[],
    grammar: CompiledGrammar,
    compiling: Promise<void>,
  ): Promise<void> {
    try {
      await compiling;
      grammar.isReady = true;
      this.#scheduler.releaseGrammar(grammar);
    } catch (error) {
      for (const sequence of sequences) this.#forget(sequence);
      throw error;
    } finally {
      this.#notify();
    }
  }

  #forget(request: Request): void {
    if (!this.#requests.delete(request.requestId)) return;
    this.#scheduler.finish(request, "FINISHED_ABORTED");
    this.#processor.finish(request);
  }

  abort(requestIds: readonly string[]): void {
    for (const id of requestIds) {
      this.#arriving.delete(id);
      const request = this.#requests.get(id);
      if (request === undefined) continue;
      this.#scheduler.finish(request, "FINISHED_ABORTED");
      this.#emitFinished(request);
    }
    this.#notify();
  }

  abortQueued(requestIds: readonly string[]): void {
    this.abort(requestIds.filter((id) => !this.#processor.isScheduled(id)));
  }

  onOutputs(listener: (message: EngineOutputs) => void): void {
    this.#listener = listener;
  }

  /** Ignores the listener, because this engine does not restart. */
  onRestart(): void {}

  async shutdown(): Promise<void> {
    if (!this.#isStopping) {
      this.abort([...this.#requests.keys()]);
      this.#isStopping = true;
      this.#notify();
    }
    await this.#loop;
    await this.#loader.close(shuttingDown());
    await this.#runner.dispose();
  }

  async #run(): Promise<void> {
    try {
      while (!(this.#isStopping && this.#requests.size === 0)) await this.#turn();
      this.#emit();
      this.#gap.close(shuttingDown());
    } catch (error) {
      this.#isStopping = true;
      const cause = error instanceof Error ? error : new Error(String(error));
      this.#death = engineDead(cause);
      this.#gap.close(this.#death);
      this.#died.resolve(cause);
    }
  }

  /** Runs one step or one job of the step gap, or waits for work. */
  async #turn(): Promise<void> {
    if (!this.#gap.isEmpty && (await this.#gap.prepareNext())) {
      this.#emit();
      await this.#gap.runNext();
      this.#isDirty = true;
      return;
    }
    this.#loader.run();
    // An empty plan is never run. The runner learns the IDs of finished requests from the next plan.
    if (!this.#scheduler.hasWork) {
      this.#emit();
      await this.#change.wait();
      return;
    }
    const startS = this.#nowS();
    const plan = this.#scheduler.schedule();
    this.#loader.run();
    if (plan.scheduled.length === 0) {
      assert(!this.#scheduler.hasWork, "requests are waiting, but none can be scheduled");
      return;
    }
    for (const { request } of plan.scheduled) this.#processor.markScheduled(request, startS);
    const running = this.#runner.run(plan);
    this.#emit();
    const result = await this.#outcome(running, plan);
    if (result === null) this.#failStep(plan);
    else this.#update(plan, result);
  }

  /** @returns the step's result; null if it failed but the engine can continue */
  async #outcome(running: Promise<StepResult>, plan: StepPlan): Promise<StepResult | null> {
    try {
      const result = await running;
      this.#numFailedSteps = 0;
      return result;
    } catch (error) {
      const isStepFault = error instanceof EngineError && error.code === "engine_step_failed";
      if (!isStepFault || ++this.#numFailedSteps >= MAX_FAILED_STEPS) throw error;
      this.#onStepFault(
        error,
        plan.scheduled.map(({ request }) => request.externalId),
      );
      return null;
    }
  }

  /** Aborts all requests, including any that a pause interrupted, but not those that arrived during the pause. */
  #abortAllButHeld(): void {
    const ids = [...this.#requests.values()].filter((request) => !this.#scheduler.isHeld(request));
    this.abort(ids.map(({ requestId }) => requestId));
  }

  #failStep(plan: StepPlan): void {
    for (const request of this.#scheduler.failStep(plan)) this.#emitFinished(request);
    this.#isDirty = true;
  }

  #update(plan: StepPlan, result: StepResult): void {
    const nowS = this.#nowS();
    this.#keepPromptLogprobs(plan, result);
    for (const sampled of this.#scheduler.update(plan, result)) {
      const { request } = sampled;
      this.#take(sampled, nowS);
      if (this.#processor.exceedsBudget(request)) {
        this.#take(this.#scheduler.force(request, this.#endOfReasoning), nowS);
      }
      if (!request.isFinished) this.#propose(request);
    }
    if (result.draftFault !== undefined) {
      this.#onDraftFault?.(result.draftFault);
      this.#onDraftFault = null;
    }
    if (this.#processor.reportsProgress) this.#reportProgress(plan, nowS);
    const { forwardMs, samplingMs } = result;
    this.#timings = { numScheduledTokens: plan.numScheduledTokens, forwardMs, samplingMs };
    this.#isDirty = true;
  }

  /** Predicts a request's next tokens, up to the end of its reasoning budget. */
  #propose(request: Request): void {
    const { numSpeculativeTokens } = this.info;
    const maxTokens = Math.min(numSpeculativeTokens, this.#processor.numBudgetTokens(request) - 1);
    if (this.#proposer === null || maxTokens < 1) return;
    const certain = this.#runner.certainDrafts(request, maxTokens);
    request.isDraftCertain = certain.length > 0;
    request.draftTokenIds = request.isDraftCertain
      ? certain
      : this.#runner.cutDrafts(request, this.#proposer.propose(request, maxTokens));
  }

  #take(sampled: SampledTokens, nowS: number): void {
    const { request } = sampled;
    const { output, stopped } = this.#processor.process(sampled, nowS);
    if (stopped && !request.isFinished) this.#scheduler.finish(request, "FINISHED_STOPPED");
    if (output.finishReason !== null) {
      this.#requests.delete(request.requestId);
      this.#proposer?.finish(request);
    }
    this.#outputs.push(output);
  }

  #keepPromptLogprobs(plan: StepPlan, result: StepResult): void {
    plan.scheduled.forEach(({ request, numComputedTokens }, i) => {
      const positions = result.results[i]?.promptLogprobs ?? null;
      if (positions === null || request.isFinished) return;
      this.#processor.addPromptLogprobs(request, numComputedTokens, positions);
    });
  }

  /** Reports progress for prompts that a step has computed only in part. */
  #reportProgress({ scheduled }: StepPlan, nowS: number): void {
    for (const { request, output } of scheduled) {
      const progress = output === "none" ? this.#processor.progress(request, nowS) : null;
      if (progress !== null) this.#outputs.push(progress);
    }
  }

  /** Ends the requests that wait for an adapter. @returns their number */
  #failAdapter(key: string): number {
    const failed = [...this.#requests.values()].filter(({ adapter }) => adapter?.key === key);
    for (const request of failed) {
      this.#scheduler.finish(request, "FINISHED_ERROR");
      this.#emitFinished(request, ADAPTER_FAILED);
    }
    return failed.length;
  }

  #emitFinished(request: Request, stopReason: RequestOutput["stopReason"] = null): void {
    this.#requests.delete(request.requestId);
    this.#outputs.push(this.#processor.finish(request, stopReason));
    this.#isDirty = true;
  }

  /** Sends all outputs since the last message, with the current state. */
  #emit(): void {
    if (!this.#isDirty) return;
    const outputs = this.#outputs;
    this.#outputs = [];
    this.#isDirty = false;
    const stats = { ...this.#scheduler.takeStats(), ...this.#timings };
    this.#timings = NO_STEP;
    this.#listener({ timestampS: this.#nowS(), outputs, stats });
  }

  #notify(): void {
    this.#isDirty = true;
    this.#change.notify();
  }

  #nowS(): number {
    return this.#nowMs() / 1000;
  }
}
