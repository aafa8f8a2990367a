// Additions to the field schemas in /openapi.json: descriptions, and bounds that are checked elsewhere because vLLM has
// its own messages for them. A field name means the same thing in every body.

interface FieldDoc {
  readonly description?: string;
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
}

const MAX_TOKENS: FieldDoc = {
  description:
    "Maximum number of generated tokens; null = as many as fit, or 16 for a text completion",
  minimum: 1,
};

const SAMPLING: Readonly<Record<string, FieldDoc>> = {
  n: { description: "Number of choices for each prompt", minimum: 1, maximum: 128 },
  temperature: { description: "0 = always the most likely token", minimum: 0 },
  top_p: {
    description: "Cumulative probability of the tokens to sample from",
    exclusiveMinimum: 0,
    maximum: 1,
  },
  top_k: { description: "Number of tokens to sample from; 0 or -1 = all", minimum: -1 },
  min_p: {
    description: "Minimum probability of a token, relative to that of the most likely token",
    minimum: 0,
    maximum: 1,
  },
  presence_penalty: {
    description: "Subtracted from the logit of each generated token",
    minimum: -2,
    maximum: 2,
  },
  frequency_penalty: {
    description: "Subtracted from a token's logit once for each time the token was generated",
    minimum: -2,
    maximum: 2,
  },
  repetition_penalty: {
    description: "Divides the logits of tokens in the prompt or the generated text; 1 = no penalty",
    exclusiveMinimum: 0,
  },
  seed: { description: "The same seed and body yield the same text" },
  logit_bias: { description: "Numbers in [-100, 100] to add to logits, by token ID" },
  allowed_token_ids: { description: "The only tokens that may be generated" },
  bad_words: { description: "Strings that must not be generated" },
  use_beam_search: { description: "Search for the n most likely texts instead of sampling" },
  length_penalty: {
    description: "A beam's log-likelihood is divided by its length raised to this power",
  },
};

const LIMITS: Readonly<Record<string, FieldDoc>> = {
  max_tokens: MAX_TOKENS,
  max_completion_tokens: MAX_TOKENS,
  max_output_tokens: MAX_TOKENS,
  min_tokens: { description: "Number of tokens to generate before the text may end", minimum: 0 },
  stop: { description: "Strings that end the generation" },
  stop_sequences: { description: "Strings that end the generation" },
  stop_token_ids: { description: "Tokens that end the generation" },
  include_stop_str_in_output: { description: "Keep the stop string at the end of the text" },
  ignore_eos: { description: "Generate past the model's end token" },
  truncate_prompt_tokens: {
    description: "Keep only this many tokens at the end of the prompt; -1 = as many as fit",
    minimum: -1,
  },
};

const FORM: Readonly<Record<string, FieldDoc>> = {
  response_format: {
    description: "Format of the output: text, JSON, a JSON schema or structural tags",
  },
  structured_outputs: {
    description: "One of json, regex, choice, grammar, json_object or structural_tag",
  },
  guided_json: { description: "JSON schema, as structured_outputs.json" },
  guided_regex: { description: "As structured_outputs.regex" },
  guided_choice: { description: "As structured_outputs.choice" },
  guided_grammar: { description: "As structured_outputs.grammar" },
  guided_whitespace_pattern: { description: "As structured_outputs.whitespace_pattern" },
  structural_tag: { description: "As structured_outputs.structural_tag" },
  json_schema: { description: "JSON schema, as structured_outputs.json" },
  grammar: { description: "GBNF, EBNF or Lark, as structured_outputs.grammar" },
  ebnf: { description: "As structured_outputs.grammar" },
  regex: { description: "As structured_outputs.regex" },
};

const REFUSED: FieldDoc = { description: "Not supported" };

const PROMPT: Readonly<Record<string, FieldDoc>> = {
  prompt: { description: "Texts or token IDs to continue" },
  prompt_embeds: REFUSED,
  features: REFUSED,
  conversation: REFUSED,
  input: { description: "Text, or the items of the conversation" },
  instructions: { description: "System message, which is not stored" },
  system: { description: "System message" },
  token_ids: { description: "Token IDs of the prompt" },
  tokens: { description: "Token IDs to convert to text" },
  add_special_tokens: {
    description: "Add the special tokens that the model expects around text",
  },
  return_token_strs: { description: "Report the text of each token" },
  previous_response_id: { description: "ID of the response that this one continues" },
  truncation: { description: "auto drops the oldest turns that do not fit" },
};

const CHAT: Readonly<Record<string, FieldDoc>> = {
  messages: { description: "The conversation so far" },
  tools: { description: "Tools that the model can call" },
  tool_choice: { description: "none, auto, required, or one tool by its name" },
  parallel_tool_calls: { description: "Allow several tool calls in one message" },
  include_reasoning: { description: "Show the model's reasoning" },
  reasoning_effort: { description: 'Passed to the chat template; "none" turns reasoning off' },
  chat_template_kwargs: { description: "Variables for the chat template" },
  chat_template: { description: "Needs --trust-request-chat-template" },
  documents: { description: "Documents for templates that use them" },
  add_generation_prompt: {
    description: "End the prompt at the point where the assistant's message begins",
  },
  continue_final_message: { description: "Continue the last message" },
};

const OUTPUT: Readonly<Record<string, FieldDoc>> = {
  model: { description: "Name of the served model, which is also the default" },
  stream: { description: "Send the output as server-sent events" },
  logprobs: {
    description: "Chat: report log-probabilities. Text: number of most likely tokens to report",
  },
  top_logprobs: { description: "Number of most likely tokens to report; -1 = all", minimum: -1 },
  prompt_logprobs: {
    description: "Number of most likely tokens to report for each token of the prompt; -1 = all",
    minimum: -1,
  },
  echo: { description: "Begin the text with the prompt" },
  suffix: {
    description: "Text after the gap to fill; requires a model with fill-in-the-middle tokens",
  },
  skip_special_tokens: { description: "Leave special tokens out of the text" },
  return_token_ids: { description: "Report the token IDs of the prompt and the output" },
  return_tokens_as_token_ids: { description: "Write tokens in log-probabilities as token_id:N" },
  priority: {
    description: "With --scheduling-policy priority, requests with lower values run first",
  },
  cache_salt: { description: "Share cached prefixes only with requests that have the same salt" },
  request_id: { description: "Becomes part of the response's ID" },
  return_progress: { description: "Report the progress of the prompt in a stream" },
  timings_per_token: { description: "Report timings; in a stream, in every chunk" },
};

const IGNORED: FieldDoc = { description: "Accepted and ignored" };

const ECHOED: FieldDoc = { description: "Accepted and echoed, without effect" };

const OTHER: Readonly<Record<string, FieldDoc>> = {
  best_of: { description: "At most n" },
  store: { description: "Keep the response in memory" },
  background: { description: "Generate whether or not a client waits" },
  text: { description: "Output format, in text.format" },
  reasoning: { description: "Reasoning effort, in reasoning.effort" },
  thinking: { description: "Shows the model's thinking unless its type is disabled" },
  output_config: { description: "Reasoning effort and output format" },
  include: { description: "Additional members of the response" },
  sampling_params: { description: "Fields of a text completion" },
  request_ids: { description: "IDs of the responses to abort" },
  lora_name: { description: "Name of the adapter, which requests use as their model" },
  lora_path: { description: "GGUF file or PEFT folder on the server's machine" },
  load_inplace: { description: "Replace an adapter with the same name" },
  metadata: ECHOED,
  stream_options: { description: "Usage in the stream's chunks; requires stream" },
  prediction: {
    description: "Text that the output is expected to repeat; faster with speculative decoding",
  },
  thinking_token_budget: { description: "Maximum number of reasoning tokens" },
  modalities: { description: "Only text" },
  user: IGNORED,
  spaces_between_special_tokens: IGNORED,
  vllm_xargs: IGNORED,
  mm_processor_kwargs: IGNORED,
  service_tier: ECHOED,
  max_tool_calls: ECHOED,
};

export const FIELD_DOCS: Readonly<Record<string, FieldDoc>> = {
  ...SAMPLING,
  ...LIMITS,
  ...FORM,
  ...PROMPT,
  ...CHAT,
  ...OUTPUT,
  ...OTHER,
};
