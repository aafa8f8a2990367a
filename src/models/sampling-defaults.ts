// Sampling parameters that a model recommends for requests that set none: from the GGUF file's own
// keys, from a generation_config.json or, for the default model, from its card.

import { writeJson } from "../json.ts";
import type { SamplingDefaults } from "../request/sampling-params.ts";
import { modelRecommendation } from "./default-model.ts";
import type { GgufHeader, GgufValue } from "./gguf-header.ts";

export type Recommendation = Partial<SamplingDefaults>;

interface Setting {
  readonly name: Exclude<keyof SamplingDefaults, "stopTokenIds">;
  /** Key in generation_config.json, which vLLM reads. */
  readonly key: string;
  /** Key that llama.cpp writes; null = none. */
  readonly ggufKey: string | null;
  readonly isValid: (value: number) => boolean;
  /** Description of valid values, for error messages. */
  readonly wanted: string;
}

const SETTINGS: readonly Setting[] = [
  {
    ...{ name: "temperature", key: "temperature", ggufKey: "general.sampling.temp" },
    ...{ isValid: (value) => value >= 0 && isFloat(value), wanted: "at least 0" },
  },
  {
    ...{ name: "topP", key: "top_p", ggufKey: "general.sampling.top_p" },
    ...{ isValid: (value) => Math.fround(value) > 0 && value <= 1, wanted: "in (0, 1]" },
  },
  {
    ...{ name: "topK", key: "top_k", ggufKey: "general.sampling.top_k" },
    ...{ isValid: (value) => value >= -1 && isCount(value), wanted: "an integer, -1 or 0 = off" },
  },
  {
    ...{ name: "minP", key: "min_p", ggufKey: "general.sampling.min_p" },
    ...{ isValid: (value) => value >= 0 && value <= 1, wanted: "in [0, 1]" },
  },
  {
    ...{ name: "repetitionPenalty", key: "repetition_penalty" },
    ggufKey: "general.sampling.penalty_repeat",
    ...{ isValid: (value) => Math.fround(value) > 0 && isFloat(value), wanted: "above 0" },
  },
  {
    ...{ name: "maxTokens", key: "max_new_tokens", ggufKey: null },
    ...{ isValid: (value) => value >= 1 && isCount(value), wanted: "an integer above 0" },
  },
];

export const GENERATION_CONFIG_KEYS: readonly string[] = SETTINGS.map(({ key }) => key);

const isFloat = (value: number) => Number.isFinite(Math.fround(value));
const isCount = (value: number) => Number.isInteger(value) && value < 2 ** 31;

export interface ModelRecommendation {
  readonly values: Recommendation;
  /** Source of the values, for display; "" if there are none. */
  readonly source: string;
}

/** Drops invalid values; unlike a request, a file with invalid values is not refused. */
export function recommendedBy(header: GgufHeader, path: string): ModelRecommendation {
  const entries = SETTINGS.flatMap(({ name, ggufKey, isValid }) => {
    const value = numberOf(header.metadata.get(ggufKey ?? ""));
    return value !== null && isValid(value) ? [[name, value] as const] : [];
  });
  if (entries.length > 0) return { values: Object.fromEntries(entries), source: "the GGUF file's" };
  const values = modelRecommendation(path);
  return values === null ? { values: {}, source: "" } : { values, source: "the model card's" };
}

/** Skips unknown keys. @param onFault throws an error about an invalid value */
export function recommendationOf(
  config: Readonly<Record<string, unknown>>,
  onFault: (fault: string) => never,
): Recommendation {
  const entries = SETTINGS.flatMap(({ name, key, isValid, wanted }) => {
    const value = config[key];
    if (value === undefined || value === null) return [];
    if (typeof value === "number" && isValid(value)) return [[name, value] as const];
    return onFault(
      `${key} must be ${wanted}, got ${typeof value === "number" ? value : writeJson(value)}`,
    );
  });
  return Object.fromEntries(entries);
}

const EOS_KEY = "eos_token_id";

/**
 * Reads the end tokens from a generation_config.json: a single ID or a list.
 * @param onFault as in recommendationOf()
 */
export function endTokensOf(
  config: Readonly<Record<string, unknown>>,
  header: GgufHeader,
  onFault: (fault: string) => never,
): readonly number[] {
  const value = config[EOS_KEY] ?? [];
  const ids: readonly unknown[] = Array.isArray(value) ? value : [value];
  const vocabSize = vocabSizeOf(header);
  const isId = (id: unknown): id is number =>
    typeof id === "number" && id >= 0 && isCount(id) && id < vocabSize;
  if (ids.every(isId)) return [...new Set(ids)];
  const wanted = vocabSize === Infinity ? "a token id" : `a token id below ${vocabSize}`;
  return onFault(`${EOS_KEY} must be ${wanted}, or a list of them, got ${writeJson(value)}`);
}

function vocabSizeOf({ metadata }: GgufHeader): number {
  const tokens = metadata.get("tokenizer.ggml.tokens");
  return typeof tokens === "object" ? tokens.length : Infinity;
}

/** Reads a float32 as the decimal that it was written from. */
function numberOf(value: GgufValue | undefined): number | null {
  if (typeof value === "bigint") return Number(value);
  return typeof value === "number" ? Number(value.toPrecision(7)) : null;
}
