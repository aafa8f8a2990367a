// Instead of ignoring vLLM features that Pagoda does not support yet, rejects them with an error that names them. A
// client that requests a constraint, under any name, must not get unconstrained output.

import { RequestError } from "../errors.ts";
import { checkBeamSearch } from "./beam-search.ts";
import { shortened } from "./quote.ts";
import { isObject, type Json } from "./schema/json-value.ts";
import { bodyFault } from "./schema-faults.ts";
import {
  type ChatBody,
  type CompletionBody,
  FOREIGN_FIELDS,
  type SamplingBody,
  UNBUILT_FIELDS,
} from "./schemas.ts";

/** @throws RequestError "unsupported" or "invalid_value" */
export function checkChatFeatures(body: ChatBody): void {
  checkSamplingFeatures(body);
  const modality = body.modalities.find((kind) => kind !== "text");
  if (modality !== undefined) refuse("modalities", ` of kind '${shortened(modality)}'`);
  if ((body.top_logprobs > 0 || body.top_logprobs === -1) && !body.logprobs) {
    invalid("when using `top_logprobs`, `logprobs` must be set to true.");
  }
  if (body.top_logprobs < -1) invalid("`top_logprobs` must be a positive value or -1.");
}

/** @throws RequestError "unsupported" or "invalid_value" */
export function checkCompletionFeatures(body: CompletionBody): void {
  checkSamplingFeatures(body);
  if (body.prompt_embeds !== null) refuse("prompt_embeds");
  if (body.best_of !== null && body.best_of > body.n) {
    invalid(
      `best_of must not exceed n, got ${body.best_of} and ${body.n}: the server does not rank candidates; set n instead.`,
      "best_of",
    );
  }
}

/** @throws RequestError "invalid_schema" */
export function checkStreamOptions(body: SamplingBody): void {
  if (body.stream_options?.isEmpty === false && !body.stream) {
    throw schemaError("Stream options can only be defined when `stream=True`.");
  }
  if ((body.prompt_logprobs ?? 0) !== 0 && body.stream) {
    throw schemaError("`prompt_logprobs` are not available when `stream=True`.");
  }
}

const MAX_SALT_LENGTH = 256;

function checkSamplingFeatures(body: SamplingBody): void {
  for (const name of Object.keys(UNBUILT_FIELDS) as (keyof typeof UNBUILT_FIELDS)[]) {
    if (requestsFeature(body[name], name)) refuse(name, "", ADVICE[name]);
  }
  checkForeignFields(body);
  checkBeamSearch(body);
  if (body.cache_salt === "") {
    invalid("Parameter 'cache_salt' must be a non-empty string if provided.", "cache_salt");
  }
  if ((body.cache_salt?.length ?? 0) > MAX_SALT_LENGTH) {
    invalid(`cache_salt can have at most ${MAX_SALT_LENGTH} characters.`, "cache_salt");
  }
}

interface Foreign {
  /** Values that disable the feature, sent by clients that fill in every field. */
  readonly off: readonly Json[];
  /** Pagoda's names for the field. If the body sets one of them, the foreign field is ignored. */
  readonly names?: readonly string[];
}

const FOREIGN: Readonly<Record<keyof typeof FOREIGN_FIELDS, Foreign>> = {
  n_predict: { off: [-1], names: ["max_tokens", "max_completion_tokens"] },
  n_cmpl: { off: [1] },
  n_probs: { off: [0], names: ["logprobs"] },
  n_indent: { off: [0] },
  repeat_penalty: { off: [1], names: ["repetition_penalty"] },
  typical_p: { off: [1] },
  top_n_sigma: { off: [-1, 0] },
  min_keep: { off: [0] },
  mirostat: { off: [0] },
  dynatemp_range: { off: [0] },
  dry_multiplier: { off: [0] },
  xtc_probability: { off: [0] },
  t_max_predict_ms: { off: [-1, 0] },
  samplers: { off: [] },
  options: { off: [] },
  think: { off: [] },
};

function checkForeignFields(body: SamplingBody): void {
  const fields: Readonly<Record<string, unknown>> = body;
  for (const name of Object.keys(FOREIGN_FIELDS) as (keyof typeof FOREIGN_FIELDS)[]) {
    const { off, names = [] } = FOREIGN[name];
    if (!requestsFeature(body[name]) || off.includes(body[name])) continue;
    if (names.some((own) => requestsFeature((fields[own] ?? null) as Json))) continue;
    refuse(name, "", names.length > 0 ? ` Use \`${names[0]}\` instead.` : "");
  }
}

/**
 * @returns whether a field requests a feature. Clients that fill in every field send null, false, "", or an empty
 *   list or object to request nothing, but for some fields an empty object is itself a request.
 */
function requestsFeature(value: Json, name = ""): boolean {
  if (value === null || value === false || value === "") return false;
  if (Array.isArray(value)) return value.length > 0;
  return !isObject(value) || EMPTY_REQUESTS.includes(name) || Object.keys(value).length > 0;
}

const EMPTY_REQUESTS: readonly string[] = ["web_search_options"];

const ADVICE: Readonly<Partial<Record<string, string>>> = {
  functions: " Use `tools` instead.",
};

function refuse(param: string, detail = "", advice = ""): never {
  const message = `\`${param}\`${detail} is not supported by this server yet.${advice}`;
  throw new RequestError("unsupported", message, param);
}

function invalid(message: string, param: string | null = null): never {
  throw new RequestError("invalid_value", message, param);
}

function schemaError(message: string): RequestError {
  return bodyFault("value_error", ["body"], `Value error, ${message}`);
}
