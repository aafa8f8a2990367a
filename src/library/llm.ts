// A model in the caller's process: load it, send it requests, dispose of it.

import { answerId } from "../api/answer-id.ts";
import { type ApiContext, type ApiOptions, apiContext } from "../api/api-context.ts";
import type { Choice } from "../api/choice.ts";
import { maxLogprobs, unlessNegative } from "../cli/limits.ts";
import { EngineError, RequestError } from "../errors.ts";
import { AdapterRegistry } from "../front/adapter-registry.ts";
import {
  createFront,
  type MeasuredFront,
  type MeasuredFrontOptions,
} from "../front/measured-front.ts";
import { SLEEP_MODES } from "../protocol/engine-calls.ts";
import type { EngineClient } from "../protocol/protocol.ts";
import { generateAll } from "./batch.ts";
import { Generation } from "./generation.ts";
import type { LiveGeneration } from "./live-generation.ts";
import { type LoadedEngine, loadEngine } from "./load.ts";
import { MetricsView } from "./metrics-view.ts";
import { type ModelCard, modelCard } from "./model-card.ts";
import { optionsFault } from "./option-names.ts";
import type {
  BatchOptions,
  ChatOptions,
  GenerateOptions,
  LoadOptions,
  Message,
  Prompt,
} from "./options.ts";
import type { ChatResult, GenerateResult } from "./results.ts";
import { answerToChat, answerToCompletion, type StartedAnswer } from "./started-answer.ts";
import { availableCalls, Tokenizer } from "./tokenizer.ts";
import { chatBody, completionBody } from "./wire-body.ts";

/** Reason an LLM has closed: it was disposed of, or its engine failed with `error`. */
export type CloseReason =
  | { readonly kind: "disposed" }
  | { readonly kind: "died"; readonly error: Error };

/** Options for loadLora(). */
export interface LoadLoraOptions {
  /** Replace an adapter with the same name. Default: false. */
  readonly inPlace?: boolean;
}

/** Options for sleep(). */
export interface SleepOptions {
  /**
   * Treatment of running requests: "abort" ends them, "wait" lets them finish first, "keep" resumes them after
   * wake(). Default: "abort".
   */
  readonly mode?: "abort" | "wait" | "keep";
}

/**
 * A loaded model with its scheduler, KV cache and metrics. It accepts any number of requests at once. Several LLMs in
 * one process share only code. Each one must be disposed of (`await using`), since garbage collection does not free it.
 */
export class LLM implements AsyncDisposable {
  /** Properties of the loaded model. */
  readonly model: ModelCard;
  /** Converts text to token IDs and back. */
  readonly tokenizer: Tokenizer;
  /** The same metrics as GET /metrics. */
  readonly metrics: MetricsView;
  /** Resolves when the LLM is disposed of or its engine fails. Never rejects. */
  readonly closed: Promise<CloseReason>;
  readonly #closed = Promise.withResolvers<CloseReason>();
  readonly #client: EngineClient;
  readonly #context: ApiContext;
  readonly #adapters: AdapterRegistry;
  readonly #live = new Set<LiveGeneration>();
  #disposal: Promise<void> | null = null;

  /**
   * Loads a model and starts its engine in this process.
   * @param model path of a GGUF file, "user/repo:quant" on the Hugging Face Hub, or a URL; downloaded only once
   * @throws ConfigError "invalid_option", "unsupported_option", "model_not_found", "no_such_quant",
   *   "download_failed", "disk_full", "checksum_mismatch" or "out_of_memory"; an Error with a code such as
   *   "model_not_gguf", "model_truncated" or "model_unsupported"; EngineError "engine_dead" if the native addon
   *   is missing; the signal's reason
   */
  static async load(model: string, options: LoadOptions = {}): Promise<LLM> {
    const llm = new LLM(await loadEngine(model, options));
    try {
      for (const [name, path] of Object.entries(options.loraModules ?? {}))
        await llm.loadLora(name, path);
    } catch (error) {
      await llm[Symbol.asyncDispose]();
      throw error;
    }
    return llm;
  }

  private constructor(loaded: LoadedEngine) {
    const common = frontOptions(loaded);
    const measured = createFront(loaded.client, common);
    const { calls, info } = measured.front;
    this.#adapters = new AdapterRegistry({
      ...{ calls, isEnabled: info.maxLoras > 0, modelNames: common.modelNames, allowedPaths: [] },
    });
    const settings = { ...common, adapters: this.#adapters };
    this.#client = loaded.client;
    this.#context = apiContext(measured.front, settings);
    this.model = modelCard(loaded);
    this.tokenizer = new Tokenizer(this.#context);
    this.metrics = new MetricsView(measured.metrics);
    const { path, logger } = loaded;
    parts.set(this, { measured, settings, path, logger });
    this.closed = this.#closed.promise;
    loaded.client.died.then((error) => this.#closed.resolve({ kind: "died", error }));
  }

  /**
   * Continues a prompt. If the request fails, the generation rejects with its error: RequestError "invalid_schema",
   * "invalid_value", "context_length" or "unsupported"; OverloadError "queue_full".
   * @throws RequestError "invalid_value", immediately, for an invalid requestId
   */
  generate(prompt: Prompt, options: GenerateOptions = {}): Generation<GenerateResult> {
    return this.#generation("cmpl-", options, {
      start: async (init) =>
        answerToCompletion(this.#context, completionBody(prompt, options), init),
      toResult: (result) => result,
    });
  }

  /**
   * Generates the next message in a conversation, using the model's chat template. Rejects for the same reasons as
   * generate().
   */
  chat(messages: readonly Message[], options: ChatOptions = {}): Generation<ChatResult> {
    return this.#generation("chatcmpl-", options, {
      start: async (init) => answerToChat(this.#context, chatBody(messages, options), init),
      toResult: (result, { role, messageOf }, first) => ({
        ...result,
        message: messageOf?.(first) ?? { role, content: result.text },
      }),
    });
  }

  /**
   * Continues many prompts, several at a time. Reads the next prompt only when fewer than maxInFlight are in
   * flight.
   * @returns the results in prompt order; leaving the loop early aborts the requests in flight
   * @throws the error from the first prompt that fails, as in generate(); the other requests are aborted
   */
  generateAll(
    prompts: Iterable<Prompt> | AsyncIterable<Prompt>,
    options: BatchOptions = {},
  ): AsyncGenerator<GenerateResult> {
    const { maxInFlight = 2 * this.#client.info.maxNumSeqs, ...rest } = options;
    return generateAll(prompts, maxInFlight, (prompt) => this.generate(prompt, rest));
  }

  /**
   * Loads a LoRA adapter, which requests can then name as their `lora`.
   * @param path GGUF file, or folder in PEFT's format
   * @throws RequestError "adapter_name", "adapter_not_found" or "adapter_refused"
   */
  loadLora(name: string, path: string, { inPlace = false }: LoadLoraOptions = {}): Promise<void> {
    return this.#adapters.load({ name, path, replaces: inPlace });
  }

  /**
   * Removes a LoRA adapter. Requests that use it continue; its memory is freed once they end.
   * @throws RequestError "adapter_name" or "adapter_not_found"
   */
  unloadLora(name: string): Promise<void> {
    return this.#adapters.unload(name);
  }

  /**
   * Frees memory. New requests wait for wake().
   * @param level 1 frees the KV cache and keeps a copy of the weights in host memory; 2 drops both
   * @throws EngineError "engine_sleep_failed", leaving the engine unchanged; RequestError "invalid_value" for an
   *   unknown level or mode
   */
  async sleep(level: 1 | 2 = 1, { mode = "abort" }: SleepOptions = {}): Promise<void> {
    if (level !== 1 && level !== 2) {
      throw new RequestError("invalid_value", `level must be 1 or 2, got ${level}.`, "level");
    }
    if (!SLEEP_MODES.includes(mode)) {
      const message = `mode must be one of ${SLEEP_MODES.join(", ")}, got ${mode}.`;
      throw new RequestError("invalid_value", message, "mode");
    }
    await availableCalls(this.#context).sleep(level, mode);
  }

  /**
   * Restores the memory and resumes waiting requests. Does nothing if the model is awake.
   * @throws EngineError "engine_sleep_failed": the engine stays asleep, and wake() can be retried
   */
  async wake(): Promise<void> {
    await availableCalls(this.#context).wakeUp(["weights", "kv_cache"]);
  }

  /**
   * Refuses new requests, ends open generations with EngineError "engine_shutdown", waits for any step in flight and
   * frees the model. Later calls wait for the first one to finish.
   */
  [Symbol.asyncDispose](): Promise<void> {
    this.#disposal ??= this.#dispose();
    return this.#disposal;
  }

  async #dispose(): Promise<void> {
    const error = new EngineError("engine_shutdown", "The model was disposed of.");
    for (const live of this.#live) live.abort(error);
    this.#context.front.close(error);
    await this.#client.shutdown();
    this.#closed.resolve({ kind: "disposed" });
  }

  #generation<Result>(
    prefix: string,
    options: GenerateOptions,
    { start, toResult }: Call<Result>,
  ): Generation<Result> {
    // If the options are not an object, start() rejects.
    const { signal, requestId } = optionsFault(options) === null ? options : {};
    const arrivalMs = this.#context.front.nowMs();
    const id = answerId(prefix, requestId ?? null);
    return new Generation({
      id,
      signal,
      toResult,
      start: async () => {
        availableCalls(this.#context);
        return start({ id, arrivalMs });
      },
      onLive: (live) => this.#track(live),
    });
  }

  #track(live: LiveGeneration): void {
    this.#live.add(live);
    const forget = () => this.#live.delete(live);
    live.collected().then(forget, forget);
  }
}

interface Call<Result> {
  readonly start: (init: { id: string; arrivalMs: number }) => Promise<StartedAnswer>;
  readonly toResult: (result: GenerateResult, answer: StartedAnswer, first: Choice) => Result;
}

/** Parts of an LLM that createApp() builds on; for internal use. */
export interface LlmParts {
  readonly measured: MeasuredFront;
  readonly settings: MeasuredFrontOptions & ApiOptions;
  /** Path of the GGUF file. */
  readonly path: string;
  readonly logger: (line: string) => void;
}

const parts = new WeakMap<LLM, LlmParts>();

export function partsOf(llm: LLM): LlmParts {
  const found = parts.get(llm);
  if (found === undefined) throw new TypeError("not an LLM created by LLM.load()");
  return found;
}

function frontOptions({ options, sampling, name, logger }: LoadedEngine): LlmParts["settings"] {
  return {
    modelNames: [name],
    maxLogprobs: maxLogprobs(options),
    samplingDefaults: sampling.defaults,
    warn: logger,
    thinkingTokenBudget: unlessNegative(options["reasoning-budget"]),
    templateVariables: options["default-chat-template-kwargs"],
    ...{ maxNumQueuedReqs: options["max-num-queued-reqs"], maxNumQueuedTokens: null },
    ...{ queueTimeoutMs: null, requestTimeoutMs: null, maxUnreadBytes: null },
    showHiddenFor: null,
    createdSeries: true,
    features: new Set(["log-stats", "sleep-mode"]),
    listeners: [],
  };
}
