// The context for checking and serving requests, whether over HTTP or in-process.

import { RequestError } from "../errors.ts";
import { AdapterRegistry, type ServedAdapter } from "../front/adapter-registry.ts";
import type { Front } from "../front/front.ts";
import type { ContentFormat } from "../protocol/chat-template-request.ts";
import { NEUTRAL_SAMPLING, type SamplingDefaults } from "../request/sampling-params.ts";
import { type AnswerOptions, DEFAULT_ANSWER_OPTIONS } from "./answer-options.ts";
import { shortened } from "./quote.ts";
import type { JsonObject } from "./schema/json-value.ts";

export interface ApiContext {
  readonly front: Front;
  /** Model names. Responses report the first name; requests may use any of them. */
  readonly servedModelNames: readonly string[];
  /** LoRA adapters, which requests can use as their model. */
  readonly adapters: AdapterRegistry;
  /** Whether chat requests may contain their own template. */
  readonly trustsRequestTemplates: boolean;
  /** Chat template variables, which requests can override. */
  readonly templateVariables: JsonObject;
  /** Format of message content in template inputs; null = the format that the template expects. */
  readonly contentFormat: ContentFormat | null;
  /** Whether to omit tools from the prompt if the request does not allow tool calls. */
  readonly excludesUnusedTools: boolean;
  /** Maximum number of reasoning tokens for requests that do not set a limit; null = no limit. */
  readonly thinkingTokenBudget: number | null;
  /** Receives warnings for the operator. */
  readonly warn: (text: string) => void;
  /** Maximum number of log-probabilities per token; null = the size of the vocabulary. */
  readonly maxLogprobs: number | null;
  readonly samplingDefaults: SamplingDefaults;
  readonly answers: AnswerOptions;
  readonly limits: ApiLimits;
}

export interface ApiLimits {
  readonly maxN: number;
  readonly maxPrompts: number;
  readonly maxStops: number;
  readonly maxStopTokenIds: number;
  readonly maxLogitBias: number;
  readonly maxBadWords: number;
}

export const DEFAULT_API_LIMITS: ApiLimits = {
  maxN: 128,
  maxPrompts: 1024,
  maxStops: 64,
  maxStopTokenIds: 1024,
  maxLogitBias: 1024,
  maxBadWords: 1024,
};

export interface ApiOptions {
  /** Model names, at least one. Responses report the first name; requests may use any of them. */
  readonly modelNames: readonly string[];
  /** Maximum number of log-probabilities per token; null = the vocabulary size. */
  readonly maxLogprobs: number | null;
  /** Defaults for sampling parameters; absent = vLLM's. */
  readonly samplingDefaults?: SamplingDefaults;
  /** LoRA adapters; absent = none. */
  readonly adapters?: AdapterRegistry;
  /** Whether chat requests may contain their own template; absent = false. */
  readonly trustsRequestTemplates?: boolean;
  /** Chat template variables; absent = none. */
  readonly templateVariables?: Readonly<Record<string, unknown>>;
  /** Format of message content; absent = the one that the template expects. */
  readonly contentFormat?: ContentFormat | null;
  /** Whether to omit tools that must not be called; absent = false. */
  readonly excludesUnusedTools?: boolean;
  /** Default limit on reasoning tokens; absent or null = no limit. */
  readonly thinkingTokenBudget?: number | null;
  /** Receives warnings; absent = warnings are dropped. */
  readonly warn?: (text: string) => void;
  /** Absent members default to DEFAULT_ANSWER_OPTIONS. */
  readonly answers?: Partial<AnswerOptions>;
}

export function apiContext(front: Front, options: ApiOptions): ApiContext {
  return {
    front,
    servedModelNames: options.modelNames,
    adapters: options.adapters ?? noAdapters(front, options.modelNames),
    trustsRequestTemplates: options.trustsRequestTemplates ?? false,
    templateVariables: (options.templateVariables ?? {}) as JsonObject,
    contentFormat: options.contentFormat ?? null,
    excludesUnusedTools: options.excludesUnusedTools ?? false,
    thinkingTokenBudget: options.thinkingTokenBudget ?? null,
    warn: eachOnce(options.warn ?? (() => {})),
    maxLogprobs: options.maxLogprobs,
    samplingDefaults: options.samplingDefaults ?? NEUTRAL_SAMPLING,
    answers: { ...DEFAULT_ANSWER_OPTIONS, ...options.answers },
    limits: DEFAULT_API_LIMITS,
  };
}

/** Maximum number of warnings to remember. */
const MAX_WARNINGS = 1000;

/** Passes on each warning only once, because an agent sends the same tools with every request. */
function eachOnce(warn: (text: string) => void): (text: string) => void {
  const texts = new Set<string>();
  return (text) => {
    if (texts.has(text) || texts.size >= MAX_WARNINGS) return;
    texts.add(text);
    warn(text);
  };
}

function noAdapters({ calls }: Front, modelNames: readonly string[]): AdapterRegistry {
  return new AdapterRegistry({ calls, isEnabled: false, modelNames, allowedPaths: [] });
}

/**
 * @param model name in the request, which exists; null or "" = the served model
 * @returns the model name reported in responses: the adapter's, or the first name of the served model
 */
export function modelName(context: ApiContext, model: string | null): string {
  return isOtherName(context, model) ? model : (context.servedModelNames[0] ?? "");
}

/** @returns true for a name that the served model does not have */
function isOtherName({ servedModelNames }: ApiContext, model: string | null): model is string {
  return model !== null && model !== "" && !servedModelNames.includes(model);
}

/**
 * Finds the adapter that a request names as its model.
 * @param model null or "" = the served model
 * @returns null for the served model @throws RequestError "model_not_found"
 */
export function adapterOf(context: ApiContext, model: string | null): ServedAdapter | null {
  if (!isOtherName(context, model)) return null;
  const adapter = context.adapters.find(model);
  if (adapter !== null) return adapter;
  const message = `The model \`${shortened(model, 256)}\` does not exist.`;
  throw new RequestError("model_not_found", message);
}

/** @returns the member of a request to the engine that names its adapter @throws RequestError "model_not_found" */
export function adapterField(context: ApiContext, model: string | null) {
  const found = adapterOf(context, model);
  if (found === null) return {};
  const { name, key, path } = found;
  return { adapter: { name, key, path } };
}

/** @returns the current Unix time in seconds, for `created` */
export function unixSeconds(): number {
  return Math.floor(Date.now() / 1000);
}
