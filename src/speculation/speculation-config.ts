// The value of --speculative-config, with vLLM's field names, defaults and checks.

import { ConfigError } from "../errors.ts";
import type { NgramOptions } from "./ngram-proposer.ts";
import type { SuffixOptions } from "./suffix-proposer.ts";

interface Limits {
  /** Maximum number of drafts per request and step, 1 to MAX_TOKENS. */
  readonly numSpeculativeTokens: number;
  /** Steps with more requests than this verify no drafts; null = only the measured cost decides. */
  readonly disableByBatchSize: number | null;
}

export interface DraftModelOptions {
  /** Name or path of the draft model. */
  readonly model: string;
  /** Branch, tag or commit of the draft model on the hub; null = main. */
  readonly revision: string | null;
}

export type SpeculationConfig = Limits &
  (
    | ({ readonly method: "ngram" } & NgramOptions)
    | ({ readonly method: "suffix" } & SuffixOptions)
    | ({ readonly method: "draft_model" } & DraftModelOptions)
  );

type Method = SpeculationConfig["method"];

type Fields = Readonly<Record<string, unknown>>;

const FLAG = "--speculative-config";

/** Maximum number of drafts. More are never useful: even copied text is verified faster in shorter pieces. */
const MAX_TOKENS = 128;

/** Default of both prompt_lookup_min and prompt_lookup_max. */
const DEFAULT_NGRAM = 5;
const MAX_NGRAM = 64;
const MAX_TREE_DEPTH = 1024;

const DEFAULT_TREE_DEPTH = 24;
const DEFAULT_CACHED_REQUESTS = 10_000;
const DEFAULT_SPEC_FACTOR = 1;
const DEFAULT_TOKEN_PROB = 0.1;

/** Reasons for refusing vLLM's other methods. */
const UNBUILT: Readonly<Record<string, string>> = {
  mtp: "a model's prediction heads are not used yet",
  eagle: "EAGLE heads are not supported",
  eagle3: "EAGLE heads are not supported",
  medusa: "Medusa heads are not supported",
  mlp_speculator: "MLP speculators are not supported",
};

const NO_DRAFT_OPTION = "a draft model uses the main model's options";
/** vLLM's fields that have no effect with any of the methods, with the reasons. */
const UNUSED: Readonly<Record<string, string>> = {
  draft_tensor_parallel_size: "models are not split",
  tensor_parallel_size: "models are not split",
  quantization: "the draft model's file determines it",
  max_model_len: NO_DRAFT_OPTION,
  code_revision: "GGUF models contain no code",
  enforce_eager: NO_DRAFT_OPTION,
  disable_padded_drafter_batch: NO_DRAFT_OPTION,
  speculative_token_tree: "drafts are a single sequence",
};

const COMMON_FIELDS = ["method", "model", "num_speculative_tokens", "disable_by_batch_size"];

/** Fields of each method. */
const FIELDS: Readonly<Record<Method, readonly string[]>> = {
  ngram: ["prompt_lookup_min", "prompt_lookup_max"],
  suffix: [
    "suffix_decoding_max_tree_depth",
    "suffix_decoding_max_cached_requests",
    "suffix_decoding_max_spec_factor",
    "suffix_decoding_min_token_prob",
  ],
  draft_model: ["revision"],
};

/**
 * @param fields parsed JSON; empty = off
 * @returns null if speculative decoding is off
 * @throws ConfigError "invalid_option" or "unsupported_option"
 */
export function speculationConfig(fields: Fields): SpeculationConfig | null {
  const given = Object.entries(fields).filter(([, value]) => value !== null);
  if (given.length === 0) return null;
  const known = Object.fromEntries(given);
  const method = methodOf(known);
  for (const [name] of given) checkField(name, method);
  const disableByBatchSize = integer(known, "disable_by_batch_size", 1, Infinity);
  const numTokens = integer(known, "num_speculative_tokens", 1, MAX_TOKENS);
  if (method === "suffix") {
    const options = suffixOptions(known);
    const numSpeculativeTokens = numTokens ?? Math.min(options.maxTreeDepth, MAX_TOKENS);
    return { method, numSpeculativeTokens, disableByBatchSize, ...options };
  }
  if (numTokens === null) {
    throw fault(
      "num_speculative_tokens",
      `is missing; set the maximum number of drafts, such as ${method === "ngram" ? 7 : 4}`,
    );
  }
  const limits = { numSpeculativeTokens: numTokens, disableByBatchSize };
  return method === "ngram"
    ? { method, ...limits, ...ngramOptions(known) }
    : { method, ...limits, ...draftModelOptions(known) };
}

/** @returns the method; like vLLM, takes it from `model` if `method` is absent */
function methodOf({ method, model }: Fields): Method {
  const isNamed = model === undefined || model === "ngram" || model === "[ngram]";
  const named = method ?? (isNamed ? model : "draft_model");
  if (named === undefined) {
    throw fault("method", 'is missing; set it to "ngram", "suffix" or "draft_model"');
  }
  if (named === "ngram" || named === "[ngram]") return "ngram";
  if (named === "suffix" || named === "draft_model") return named;
  const reason = typeof named === "string" ? UNBUILT[named] : undefined;
  const advice = "use ngram, suffix or draft_model";
  if (reason === undefined) throw fault("method", `${JSON.stringify(named)} is unknown; ${advice}`);
  throw new ConfigError("unsupported_option", `${FLAG}: method ${named}: ${reason}; ${advice}`);
}

function checkField(name: string, method: Method): void {
  const read = [...COMMON_FIELDS, ...FIELDS[method]];
  if (read.includes(name)) return;
  const isOther = Object.values(FIELDS).some((names) => names.includes(name));
  const reason = UNUSED[name] ?? (isOther ? "it belongs to another method" : undefined);
  if (reason !== undefined) throw fault(name, `has no effect with ${method}: ${reason}; remove it`);
  throw fault(name, `is not a field; known: ${read.join(", ")}`);
}

function ngramOptions(fields: Fields): NgramOptions {
  const min = integer(fields, "prompt_lookup_min", 1, MAX_NGRAM);
  const max = integer(fields, "prompt_lookup_max", 1, MAX_NGRAM);
  const promptLookupMin = min ?? max ?? DEFAULT_NGRAM;
  const promptLookupMax = max ?? min ?? DEFAULT_NGRAM;
  if (promptLookupMin <= promptLookupMax) return { promptLookupMin, promptLookupMax };
  throw fault("prompt_lookup_min", `${min} is greater than prompt_lookup_max ${max}`);
}

function suffixOptions(fields: Fields): SuffixOptions {
  const depth = integer(fields, "suffix_decoding_max_tree_depth", 1, MAX_TREE_DEPTH);
  const cached = integer(fields, "suffix_decoding_max_cached_requests", 0, Infinity);
  const factor = number(fields, "suffix_decoding_max_spec_factor", Infinity);
  const probability = number(fields, "suffix_decoding_min_token_prob", 1);
  return {
    maxTreeDepth: depth ?? DEFAULT_TREE_DEPTH,
    maxCachedRequests: cached ?? DEFAULT_CACHED_REQUESTS,
    maxSpecFactor: factor ?? DEFAULT_SPEC_FACTOR,
    minTokenProb: probability ?? DEFAULT_TOKEN_PROB,
  };
}

function draftModelOptions({ model, revision = null }: Fields): DraftModelOptions {
  if (typeof model !== "string" || model === "") {
    const text = model === undefined ? "is missing" : `expected text, got ${JSON.stringify(model)}`;
    throw fault("model", `${text}; set it to the draft model's name or path`);
  }
  if (revision === null || typeof revision === "string") return { model, revision };
  throw fault("revision", `expected text, got ${JSON.stringify(revision)}`);
}

/** @returns a field's value from `min` to `max`; null if it is absent */
function integer(fields: Fields, name: string, min: number, max: number): number | null {
  const value = fields[name];
  if (value === undefined) return null;
  if (Number.isSafeInteger(value) && Number(value) >= min && Number(value) <= max)
    return Number(value);
  const range = max === Infinity ? `of at least ${min}` : `from ${min} to ${max}`;
  throw fault(name, `expected an integer ${range}, got ${JSON.stringify(value)}`);
}

/** @returns a field's value from 0 to `max`; null if it is absent */
function number(fields: Fields, name: string, max: number): number | null {
  const value = fields[name];
  if (value === undefined) return null;
  if (typeof value === "number" && Number.isFinite(value) && value >= 0 && value <= max)
    return value;
  const range = max === Infinity ? "of at least 0" : `from 0 to ${max}`;
  throw fault(name, `expected a number ${range}, got ${JSON.stringify(value)}`);
}

const fault = (field: string, text: string) =>
  new ConfigError("invalid_option", `${FLAG}.${field}: ${text}`);

/** @returns an error about the draft model's file with the name of its field, or any other error unchanged */
export function asDraftFault(error: unknown): unknown {
  if (!(error instanceof ConfigError)) return error;
  return new ConfigError(error.code, `${FLAG}.model: ${error.message}`, { cause: error });
}
