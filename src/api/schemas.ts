// Schemas for request bodies. Together with field-types.ts, this is the only place that defines wire names. Defaults
// are vLLM's.

import {
  message,
  prediction,
  prompts,
  reasoningEffort,
  responseFormat,
  seed,
  streamOptions,
  structuredOutputs,
  tool,
  toolChoice,
  truncation,
} from "./field-types.ts";
import {
  anything,
  boolean,
  float,
  integer,
  integers,
  list,
  nullable,
  object,
  optional,
  type Parsed,
  record,
  required,
  string,
  stringOrList,
} from "./schema/types.ts";

const UNREAD = optional(anything);

/**
 * Fields that would change the output but are not supported. They are read so that they can be rejected with an error
 * that names them. vLLM ignores its own retired names (guided_*) and other servers' names, and generates text without
 * the constraint.
 */
export const UNBUILT_FIELDS = {
  logits_processors: UNREAD,
  kv_transfer_params: UNREAD,
  functions: UNREAD,
  web_search_options: UNREAD,
  repetition_detection: UNREAD,
  stop_regex: UNREAD,
  custom_logit_processor: UNREAD,
  lora: UNREAD,
  lora_path: UNREAD,
  format: UNREAD,
} as const;

/**
 * Fields that clients of llama-server and Ollama send to the OpenAI routes of those servers and that would change the
 * output. vLLM ignores them.
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

/** vLLM fields that have no effect in Pagoda. Only their types are checked. */
const IDLE_FIELDS = {
  user: optional(string),
  spaces_between_special_tokens: optional(boolean, true),
  /** Arguments for plugins, which Pagoda does not have. */
  vllm_xargs: optional(object),
} as const;

/** Fields shared by chat and text completions. Fields for which a model can have a default are null if not given. */
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
  /** llama-server's field: adds `timings` to the response, or to each chunk of a stream. */
  timings_per_token: optional(boolean, false),
  response_format: optional(responseFormat),
  structured_outputs: optional(structuredOutputs),
  guided_json: UNREAD,
  guided_regex: UNREAD,
  guided_choice: UNREAD,
  guided_grammar: UNREAD,
  guided_whitespace_pattern: UNREAD,
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
  tool_choice: optional(toolChoice),
  parallel_tool_calls: optional(boolean, true),
  include_reasoning: optional(boolean, true),
  /** Expected output, which speculative decoding verifies. */
  prediction: optional(prediction),
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
  /** Settings for multimodal models. */
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

export const LOAD_LORA_FIELDS = {
  lora_name: optional(string, ""),
  lora_path: optional(string, ""),
  load_inplace: optional(boolean, false),
} as const;

export const UNLOAD_LORA_FIELDS = {
  lora_name: optional(string, ""),
} as const;

export const ABORT_FIELDS = {
  request_ids: required(list(string)),
} as const;

export type SamplingBody = Parsed<typeof SAMPLING_FIELDS>;
export type ChatBody = Parsed<typeof CHAT_FIELDS>;
export type CompletionBody = Parsed<typeof COMPLETION_FIELDS>;
export type GenerateBody = Parsed<typeof GENERATE_FIELDS>;
export type TokenizeBody = Parsed<typeof TOKENIZE_FIELDS>;
