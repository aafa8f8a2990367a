// ModelRunner on top of the native addon: packs the plan, runs the pass on the model's thread, and unpacks the
// results. Owns the requests' native sampler states, which are created for a request's first sampled row and freed
// when a plan lists the request as finished.

import { EngineError } from "../errors.ts";
import type { AdapterInfo, MemoryReport, ModelInfo } from "../protocol/model-info.ts";
import { MODEL_DRAFT } from "../request/model-draft.ts";
import type { Request } from "../request/request.ts";
import type { GrammarSpec } from "../request/sampling-params.ts";
import type { StepPlan, StepResult } from "../scheduler/scheduler-output.ts";
import { loadAddon } from "./addon.ts";
import type { LoadModelOptions, NativeModel } from "./addon-types.ts";
import { GrammarCache } from "./grammar-cache.ts";
import type { ModelRunner } from "./model-runner.ts";
import { NativeTokenizer } from "./native-tokenizer.ts";
import { StepPacker } from "./step-batch.ts";

const NO_TOKENS: readonly number[] = [];

export interface NativeModelRunnerOptions extends LoadModelOptions {
  readonly maxModelLen: number;
}

export class NativeModelRunner implements ModelRunner {
  readonly info: ModelInfo;
  readonly tokenizer: NativeTokenizer;
  readonly #model: NativeModel;
  readonly #packer: StepPacker;
  /** Sampler handle for each request ID; requests that have no sampling state are absent. */
  readonly #samplers = new Map<string, { handle: number; numForcedTokens: number }>();
  readonly #grammars: GrammarCache;
  readonly #samplerOf = (request: Request) => this.#samplerHandle(request);
  readonly #onGrammarDropped: (request: Request) => void;

  private constructor(
    model: NativeModel,
    options: NativeModelRunnerOptions,
    log: (line: string) => void,
  ) {
    this.#model = model;
    this.info = model.info;
    this.tokenizer = new NativeTokenizer(model);
    this.#packer = new StepPacker(options);
    this.#grammars = new GrammarCache(model, log);
    this.#onGrammarDropped = (request) => log(`warning: ${grammarDropped(request)}`);
  }

  /**
   * @param log receives warnings about grammars that do not apply
   * @throws NativeError "model_*" or "out_of_memory" if the model cannot be loaded
   */
  static async load(
    options: NativeModelRunnerOptions,
    onProgress: (share: number) => void = () => {},
    log: (line: string) => void = () => {},
  ): Promise<NativeModelRunner> {
    const addon = await loadAddon();
    return new NativeModelRunner(await addon.loadModel(options, onProgress), options, log);
  }

  memory(): MemoryReport {
    return this.#model.memory();
  }

  async run(plan: StepPlan): Promise<StepResult> {
    this.#freeSamplers(plan.finishedRequestIds);
    for (const id of plan.finishedRequestIds) this.#grammars.release(id);
    this.#packer.pack(plan, this.#samplerOf);
    try {
      await this.#model.step(this.#packer.batch, this.#packer.output);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new EngineError("engine_step_failed", `step ${plan.stepId}: ${reason}`, { cause });
    }
    return this.#packer.unpack(plan, this.#onGrammarDropped);
  }

  compileGrammar(sequences: readonly Request[], spec: GrammarSpec): Promise<void> | null {
    return this.#grammars.compile(sequences, spec);
  }

  certainDrafts(request: Request, maxTokens: number): readonly number[] {
    const sampler = this.#samplers.get(request.requestId);
    if (request.grammar === null || sampler === undefined) return NO_TOKENS;
    if (sampler.numForcedTokens !== request.numForcedTokens) return NO_TOKENS;
    return [...this.#model.forcedTokens(sampler.handle, maxTokens)];
  }

  cutDrafts(request: Request, tokenIds: readonly number[]): readonly number[] {
    const sampler = this.#samplers.get(request.requestId);
    if (tokenIds[0] === MODEL_DRAFT) return tokenIds;
    if (request.grammar === null || tokenIds.length === 0 || sampler === undefined) return tokenIds;
    // The sampler has not seen forced tokens, so the next step creates a new one.
    if (sampler.numForcedTokens !== request.numForcedTokens) return [];
    const numAllowed = this.#model.countAllowed(sampler.handle, Int32Array.from(tokenIds));
    return tokenIds.slice(0, numAllowed);
  }

  loadAdapter(path: string, slot: number): Promise<AdapterInfo> {
    return this.#model.loadAdapter(path, slot);
  }

  unloadAdapter(slot: number): void {
    this.#model.unloadAdapter(slot);
  }

  checkReload(): Promise<void> {
    return this.#model.checkReload();
  }

  /** At level 1, copies the weights only if they are on a device; otherwise, they are already in host memory. */
  sleep(level: 1 | 2): Promise<void> {
    const atLevelOne = this.info.weightsOnDevice ? "copy" : "keep";
    return this.#model.sleep(level === 1 ? atLevelOne : "drop");
  }

  wakeWeights(): Promise<void> {
    return this.#model.wakeWeights();
  }

  wakeKvCache(): Promise<void> {
    return this.#model.wakeKvCache();
  }

  async dispose(): Promise<void> {
    this.#samplers.clear();
    await this.#model.dispose();
  }

  #samplerHandle(request: Request): number {
    if (!needsSampler(request)) return 0;
    const { requestId, numForcedTokens } = request;
    const known = this.#samplers.get(requestId);
    if (known?.numForcedTokens === numForcedTokens) return known.handle;
    this.#freeSamplers([requestId]);
    const handle = this.#createSampler(request);
    this.#samplers.set(requestId, { handle, numForcedTokens });
    return handle;
  }

  #createSampler(request: Request): number {
    const { logitBias, allowedTokenIds, stopTokenIds, ignoreEos, badWords } =
      request.samplingParams;
    const eos = ignoreEos ? [] : this.info.eosTokenIds;
    return this.#model.createSampler({
      vocabSize: this.info.vocabSize,
      promptTokenIds: request.tokenIds(0, request.numPromptTokens),
      outputTokenIds: request.tokenIds(request.numPromptTokens),
      logitBiasIds: Int32Array.from(logitBias, ([id]) => id),
      logitBiasValues: Float32Array.from(logitBias, ([, bias]) => bias),
      allowedTokenIds: Int32Array.from(allowedTokenIds ?? []),
      endTokenIds: Int32Array.from([...eos, ...stopTokenIds]),
      badWordIds: Int32Array.from(badWords.flat()),
      badWordStarts: startsOf(badWords),
      grammar: this.#grammars.handleOf(request.requestId),
      isGrammarOptional: request.samplingParams.grammar?.isOptional ?? false,
    });
  }

  #freeSamplers(requestIds: readonly string[]): void {
    for (const id of requestIds) {
      const sampler = this.#samplers.get(id);
      if (sampler === undefined) continue;
      this.#samplers.delete(id);
      this.#model.freeSampler(sampler.handle);
    }
  }
}

/** @returns the index of each list's first item in the concatenated lists, then the total length */
function startsOf(lists: readonly (readonly number[])[]): Int32Array {
  const starts = new Int32Array(lists.length + 1);
  lists.forEach(({ length }, i) => {
    starts[i + 1] = (starts[i] ?? 0) + length;
  });
  return starts;
}

function needsSampler(request: Request): boolean {
  const params = request.samplingParams;
  return (
    params.presencePenalty !== 0 ||
    params.frequencyPenalty !== 0 ||
    params.repetitionPenalty !== 1 ||
    params.logitBias.length > 0 ||
    params.allowedTokenIds !== null ||
    params.badWords.length > 0 ||
    params.grammar !== null ||
    params.minTokens > 0
  );
}

function grammarDropped({ externalId, samplingParams: { grammar } }: Request): string {
  return (
    `the grammar of \`${grammar?.param}\` became too complex, or the other constraints leave no token that it ` +
    `allows; the rest of the output does not follow it; request: ${externalId}`
  );
}
