// Schemas of request bodies. This is the only file that defines wire names. Defaults are vLLM's.

import type { Integer } from "../json.ts";
import type { Json } from "./schema/json-value.ts";
import { toBoolean } from "./schema/lax-values.ts";
import {
  anything,
  boolean,
  converted,
  either,
  float,
  integer,
  integerIn,
  integers,
  lax,
  list,
  nullable,
  object,
  oneOf,
  optional,
  type Parsed,
  record,
  required,
  shape,
  string,
  stringOrList,
} from "./schema/types.ts";

export interface StreamOptions {
  /** Adds a final chunk with the usage. */
  readonly includeUsage: boolean;
  /** Adds the usage so far to every chunk; requires includeUsage. */
  readonly continuousUsageStats: boolean;
  /** True if no option is set, which vLLM also accepts without `stream`. */
  readonly isEmpty: boolean;
}

const streamOptions = converted(
  shape(
    {
      include_usage: optional(boolean, true),
      continuous_usage_stats: optional(boolean, false),
    },
    "StreamOptions",
  ),
  (given): StreamOptions => {
    const flag = (name: string, fallback: boolean) =>
      toBoolean(given[name] === undefined ? fallback : given[name]) ?? false;
    const includeUsage = flag("include_usage", true);
    const continuousUsageStats = flag("continuous_usage_stats", false) && includeUsage;
    return { includeUsage, continuousUsageStats, isEmpty: Object.keys(given).length === 0 };
  },
);

const tool = shape({
  function: shape({
    name: string,
    description: optional(string),
    parameters: optional(object),
  }),
});

/** A tool call from an earlier turn. Its arguments are an object, a list, or a string that contains JSON. */
const toolCall = shape({
  function: shape({ arguments: optional(either(either(object, list(anything)), string)) }),
});

const message = shape({
  role: string,
  name: optional(string),
  tool_call_id: optional(string),
  reasoning: optional(string),
  reasoning_content: optional(string),
  tool_calls: optional(list(toolCall)),
});

const responseFormat = shape({
  type: oneOf("text", "json_object", "json_schema", "structural_tag"),
});

/** OpenAI's levels, passed to the chat template as a variable. Models differ in the levels that they distinguish. */
const reasoningEffort = oneOf("none", "minimal", "low", "medium", "high", "xhigh", "max");

const seed = integerIn({ minimum: -(2n ** 63n), maximum: 2n ** 63n - 1n });

/** Reads a number of tokens, or -1 for as many as fit. */
const truncation = integerIn({ minimum: -1 });

/** A prompt as text or as token ids. */
export type Prompt = string | readonly Integer[];

const isIds = (value: Json): value is readonly Integer[] =>
  Array.isArray(value) && value.every((id) => typeof id === "bigint" || Number.isInteger(id));

const PROMPT_FORMS = {
  anyOf: [
    { type: "string" },
    { type: "array", items: { type: "string" } },
    { type: "array", items: { type: "integer" } },
    { type: "array", items: { type: "array", items: { type: "integer" } } },
  ],
};

const prompts = lax("Prompts", PROMPT_FORMS, (value): readonly Prompt[] | null => {
  if (typeof value === "string") return [value.toWellFormed()];
  if (isIds(value) && value.length > 0) return [value];
  if (!Array.isArray(value)) return null;
  if (value.every((item) => typeof item === "string")) {
    return value.map((item) => item.toWellFormed());
  }
  return value.every(isIds) ? (value as readonly (readonly number[])[]) : null;
});

const UNREAD = optional(anything);

/**
 * Fields that would change the output but are not supported. They are read so that they can be refused by name.
 * vLLM ignores its own retired names (guided_*) and other servers' names, and generates without the constraint.
 */
export const UNBUILT_FIELDS = {
  logits_processors: UNREAD,
  kv_transfer_params: UNREAD,
  functions: UNREAD,
  web_search_options: UNREAD,
  repetition_detection: UNREAD,
  guided_decoding_backend: UNREAD,
  guided_whitespace_pattern: UNREAD,
  stop_regex: UNREAD,
  custom_logit_processor: UNREAD,
  lora: UNREAD,
  lora_path: UNREAD,
  format: UNREAD,
} as const;

/**
 * Fields that clients of llama-server and Ollama send to their OpenAI routes and that would change the output.
 * vLLM ignores them.
 */
export const FOREIGN_FIELDS = {
  n_predict: UNREAD,
  n_cmpl: UNREAD,
  n_probs: UNREAD,
  n_indent: UNREAD,
  repeat_penalty: UNREAD,
  typical_p: UNREAD,
  top_n_sigma: UNREAD,
  min_keep: UNREAD,
  mirostat: UNREAD,
  dynatemp_range: UNREAD,
  dry_multiplier: UNREAD,
  xtc_probability: UNREAD,
  t_max_predict_ms: UNREAD,
  samplers: UNREAD,
  options: UNREAD,
  think: UNREAD,
} as const;

/** Fields of vLLM that change nothing here. Only their types are checked. */
const IDLE_FIELDS = {
  user: optional(string),
  spaces_between_special_tokens: optional(boolean, true),
  /** For plugins, of which there are none. */
  vllm_xargs: optional(object),
} as const;

/** Fields shared by chat and text completions. Those that a model can have a default for are null if not given. */
const SAMPLING_FIELDS = {
  ...UNBUILT_FIELDS,
  ...FOREIGN_FIELDS,
  ...IDLE_FIELDS,
  model: optional(string),
  stream: optional(boolean, false),
  stream_options: optional(streamOptions),
  n: optional(integer, 1),
  temperature: optional(float),
  top_p: optional(float),
  top_k: optional(integer),
  min_p: optional(float),
  presence_penalty: optional(float, 0),
  frequency_penalty: optional(float, 0),
  repetition_penalty: optional(float),
  seed: optional(seed),
  stop: optional(stringOrList, []),
  stop_token_ids: optional(integers, []),
  bad_words: optional(list(string), []),
  include_stop_str_in_output: optional(boolean, false),
  ignore_eos: optional(boolean, false),
  min_tokens: optional(integer, 0),
  logit_bias: optional(record(float)),
  allowed_token_ids: optional(integers),
  prompt_logprobs: optional(integer),
  skip_special_tokens: optional(boolean, true),
  return_token_ids: optional(boolean, false),
  return_tokens_as_token_ids: optional(boolean),
  priority: optional(integer, 0),
  truncate_prompt_tokens: optional(truncation),
  cache_salt: optional(string),
  request_id: optional(string),
  /** llama-server's field: reports the prompt's progress in a stream. */
  return_progress: optional(boolean, false),
  /** llama-server's field: adds `timings` to the answer, and to each chunk of a stream. */
  timings_per_token: optional(boolean, false),
  response_format: optional(responseFormat),
  structured_outputs: UNREAD,
  guided_json: UNREAD,
  guided_regex: UNREAD,
  guided_choice: UNREAD,
  guided_grammar: UNREAD,
  structural_tag: UNREAD,
  json_schema: UNREAD,
  grammar: UNREAD,
  ebnf: UNREAD,
  regex: UNREAD,
  use_beam_search: optional(boolean, false),
  length_penalty: optional(float, 1),
} as const;

export const CHAT_FIELDS = {
  ...SAMPLING_FIELDS,
  messages: required(list(message)),
  max_tokens: optional(integer),
  max_completion_tokens: optional(integer),
  logprobs: optional(boolean, false),
  top_logprobs: optional(integer, 0),
  tools: optional(list(tool)),
  tool_choice: optional(anything),
  parallel_tool_calls: optional(boolean, true),
  include_reasoning: optional(boolean, true),
  thinking_token_budget: optional(integer),
  modalities: optional(list(string), []),
  reasoning_effort: optional(reasoningEffort),
  echo: optional(boolean, false),
  add_generation_prompt: optional(boolean, true),
  continue_final_message: optional(boolean, false),
  add_special_tokens: optional(boolean, false),
  chat_template: optional(string),
  chat_template_kwargs: optional(object),
  documents: optional(list(object)),
  /** For multimodal models. */
  mm_processor_kwargs: optional(object),
} as const;

/** Fields that a template can print. Their numbers are kept exactly as written in the body. */
export const TEMPLATE_FIELDS = ["messages", "tools", "documents", "chat_template_kwargs"] as const;

export const COMPLETION_FIELDS = {
  ...SAMPLING_FIELDS,
  prompt: optional(prompts),
  max_tokens: nullable(integer),
  logprobs: optional(integer),
  echo: optional(boolean, false),
  suffix: optional(string),
  best_of: optional(integer),
  prompt_embeds: optional(anything),
  add_special_tokens: optional(boolean, true),
} as const;

export const TOKENIZE_FIELDS = {
  model: optional(string),
  prompt: optional(string),
  messages: optional(list(message)),
  add_special_tokens: optional(boolean),
  return_token_strs: optional(boolean, false),
  add_generation_prompt: optional(boolean, true),
  continue_final_message: optional(boolean, false),
  chat_template: optional(string),
  chat_template_kwargs: optional(object),
  tools: optional(list(tool)),
} as const;

export const DETOKENIZE_FIELDS = {
  model: optional(string),
  tokens: required(integers),
} as const;

/** Body of /inference/v1/generate. `sampling_params` has the members of vLLM's SamplingParams. */
export const GENERATE_FIELDS = {
  request_id: optional(string),
  token_ids: required(integers),
  features: optional(anything),
  sampling_params: required(object),
  model: optional(string),
  stream: optional(boolean, false),
  stream_options: optional(anything),
  cache_salt: optional(string),
  priority: optional(integer, 0),
  kv_transfer_params: optional(anything),
} as const;

export const ABORT_FIELDS = {
  request_ids: required(list(string)),
} as const;

export type SamplingBody = Parsed<typeof SAMPLING_FIELDS>;
export type ChatBody = Parsed<typeof CHAT_FIELDS>;
export type CompletionBody = Parsed<typeof COMPLETION_FIELDS>;
export type GenerateBody = Parsed<typeof GENERATE_FIELDS>;
export type TokenizeBody = Parsed<typeof TOKENIZE_FIELDS>;
