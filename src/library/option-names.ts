// Names of the library's options. Without this check, a misspelled option in an untyped program would silently leave
// the default in place, which could mean a shorter context or an app without a key.

import { nearestName } from "../cli/nearest-name.ts";
import type { ChatOptions, GenerateOptions, LoadOptions } from "./options.ts";

/** An object with exactly the property names of T; the compiler reports a missing name. */
export type NamesOf<T> = Readonly<Record<keyof T, true>>;

export const LOAD_NAMES: NamesOf<LoadOptions> = {
  name: true,
  contextLength: true,
  allowLongContext: true,
  maxSequences: true,
  maxBatchedTokens: true,
  maxQueued: true,
  kvCacheBytes: true,
  kvCacheType: true,
  prefixCaching: true,
  gpuLayers: true,
  threads: true,
  seed: true,
  generationConfig: true,
  overrideGenerationConfig: true,
  chatTemplate: true,
  toolCallParser: true,
  reasoningParser: true,
  reasoningBudget: true,
  speculativeConfig: true,
  enableLora: true,
  loraModules: true,
  maxLoras: true,
  maxLoraRank: true,
  maxCpuLoras: true,
  offline: true,
  signal: true,
  onProgress: true,
  logger: true,
};

export const GENERATE_NAMES: NamesOf<GenerateOptions> = {
  signal: true,
  lora: true,
  priority: true,
  requestId: true,
  cacheSalt: true,
  maxTokens: true,
  minTokens: true,
  temperature: true,
  topP: true,
  topK: true,
  minP: true,
  presencePenalty: true,
  frequencyPenalty: true,
  repetitionPenalty: true,
  seed: true,
  stop: true,
  stopTokenIds: true,
  includeStopStrInOutput: true,
  ignoreEos: true,
  skipSpecialTokens: true,
  logitBias: true,
  responseFormat: true,
  structuredOutputs: true,
  allowedTokenIds: true,
  badWords: true,
  n: true,
  logprobs: true,
  promptLogprobs: true,
};

export const CHAT_NAMES: NamesOf<ChatOptions> = {
  ...GENERATE_NAMES,
  addGenerationPrompt: true,
  continueFinalMessage: true,
  chatTemplateKwargs: true,
  tools: true,
  toolChoice: true,
  parallelToolCalls: true,
  reasoningEffort: true,
  thinkingTokenBudget: true,
};

/** @returns an error message if a program passes anything other than an object, or an invalid signal; otherwise null */
export function optionsFault(options: unknown): string | null {
  const isObject = typeof options === "object" && options !== null && !Array.isArray(options);
  if (!isObject) return "options must be an object";
  const signal = "signal" in options ? options.signal : undefined;
  return signal === undefined || signal instanceof AbortSignal
    ? null
    : "signal must be an AbortSignal";
}

/** @returns an error message about the first unknown option; null if all are known */
export function strangeName(options: object, names: Readonly<Record<string, true>>): string | null {
  const fault = optionsFault(options);
  if (fault !== null) return fault;
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  const strange = given.find(([name]) => !Object.hasOwn(names, name))?.[0];
  if (strange === undefined) return null;
  const nearest = nearestName(strange.replaceAll("_", ""), Object.keys(names));
  return `unknown option ${strange}${nearest === null ? "" : `; did you mean ${nearest}?`}`;
}
