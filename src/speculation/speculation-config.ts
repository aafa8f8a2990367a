// The value of --speculative-config, with vLLM's field names, defaults and checks.

import { ConfigError } from "../errors.ts";
import type { NgramOptions } from "./ngram-proposer.ts";

export interface SpeculationConfig extends NgramOptions {
  readonly method: "ngram";
  /** Maximum number of drafts per request and step, 1 to MAX_TOKENS. */
  readonly numSpeculativeTokens: number;
  /** Steps with more requests than this verify no drafts; null = only the measured cost decides. */
  readonly disableByBatchSize: number | null;
}

type Fields = Readonly<Record<string, unknown>>;

const FLAG = "--speculative-config";

/** Maximum number of drafts. More are never useful: even copied text is verified faster in shorter pieces. */
const MAX_TOKENS = 128;

/** Default of both prompt_lookup_min and prompt_lookup_max. */
const DEFAULT_NGRAM = 5;
const MAX_NGRAM = 64;

/** Reasons why vLLM's other methods are refused. */
const UNBUILT: Readonly<Record<string, string>> = {
  suffix: "past outputs are not used for drafts yet; use ngram",
  draft_model: "a second model cannot be loaded yet; use ngram",
  mtp: "a model's prediction heads are not used yet; use ngram",
  eagle: "EAGLE heads are not supported; use ngram",
  eagle3: "EAGLE heads are not supported; use ngram",
  medusa: "Medusa heads are not supported; use ngram",
  mlp_speculator: "MLP speculators are not supported; use ngram",
};

/** Fields that apply only to vLLM's hardware or to other methods, with the reasons why they have no effect here. */
const UNUSED: Readonly<Record<string, string>> = {
  draft_tensor_parallel_size: "there is no draft model",
  tensor_parallel_size: "there is no draft model",
  quantization: "there is no draft model",
  max_model_len: "there is no draft model",
  revision: "there is no draft model",
  code_revision: "there is no draft model",
  enforce_eager: "there is no draft model",
  disable_padded_drafter_batch: "there is no draft model",
  speculative_token_tree: "drafts are a single sequence",
};

/** Supported fields. */
const READ = [
  "method",
  "model",
  "num_speculative_tokens",
  "disable_by_batch_size",
  "prompt_lookup_min",
  "prompt_lookup_max",
];

/**
 * @param fields parsed JSON; empty = off
 * @returns null if speculative decoding is off
 * @throws ConfigError "invalid_option" or "unsupported_option"
 */
export function speculationConfig(fields: Fields): SpeculationConfig | null {
  const given = Object.entries(fields).filter(([, value]) => value !== null);
  if (given.length === 0) return null;
  const known = Object.fromEntries(given);
  checkMethod(known);
  for (const [name] of given) checkField(name);
  const numSpeculativeTokens = integer(known, "num_speculative_tokens", MAX_TOKENS);
  if (numSpeculativeTokens === null) {
    throw fault(
      "num_speculative_tokens",
      "is missing; set the maximum number of drafts, such as 7",
    );
  }
  const disableByBatchSize = integer(known, "disable_by_batch_size", Number.MAX_SAFE_INTEGER);
  return { method: "ngram", numSpeculativeTokens, disableByBatchSize, ...lookup(known) };
}

function checkMethod({ method, model }: Fields): void {
  const named = method ?? (model === undefined ? undefined : methodOf(model));
  if (named === undefined) throw fault("method", 'is missing; set it to "ngram"');
  if (named === "ngram" || named === "[ngram]") return;
  const reason = typeof named === "string" ? UNBUILT[named] : undefined;
  if (reason === undefined) throw fault("method", `${JSON.stringify(named)} is unknown; use ngram`);
  throw new ConfigError("unsupported_option", `${FLAG}: method ${named}: ${reason}`);
}

/** The method that vLLM infers from `model` if `method` is absent. */
const methodOf = (model: unknown) =>
  model === "ngram" || model === "[ngram]" ? "ngram" : "draft_model";

function checkField(name: string): void {
  if (READ.includes(name)) return;
  const reason = UNUSED[name];
  if (reason !== undefined) throw fault(name, `has no effect with ngram: ${reason}; remove it`);
  throw fault(name, `is not a field; known: ${READ.join(", ")}`);
}

function lookup(fields: Fields): NgramOptions {
  const min = integer(fields, "prompt_lookup_min", MAX_NGRAM);
  const max = integer(fields, "prompt_lookup_max", MAX_NGRAM);
  const promptLookupMin = min ?? max ?? DEFAULT_NGRAM;
  const promptLookupMax = max ?? min ?? DEFAULT_NGRAM;
  if (promptLookupMin <= promptLookupMax) return { promptLookupMin, promptLookupMax };
  throw fault("prompt_lookup_min", `${min} is greater than prompt_lookup_max ${max}`);
}

/** @returns a field's value from 1 to `max`; null if it is absent */
function integer(fields: Fields, name: string, max: number): number | null {
  const value = fields[name];
  if (value === undefined) return null;
  if (Number.isSafeInteger(value) && Number(value) >= 1 && Number(value) <= max)
    return Number(value);
  const range = max === Number.MAX_SAFE_INTEGER ? "of at least 1" : `from 1 to ${max}`;
  throw fault(name, `expected an integer ${range}, got ${JSON.stringify(value)}`);
}

const fault = (field: string, text: string) =>
  new ConfigError("invalid_option", `${FLAG}.${field}: ${text}`);
