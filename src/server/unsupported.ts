// Features that vLLM has and this server does not have yet: refused by name, never ignored.

import { RequestError } from "../errors.ts";
import type { Json } from "./fields.ts";
import type { ChatBody, CompletionBody, SamplingBody } from "./schemas.ts";

/** @throws RequestError "unsupported" or "invalid_value" */
export function checkChatFeatures(body: ChatBody): void {
  checkSamplingFeatures(body);
  checkToolChoice(body.tools, body.tool_choice);
  if (body.chat_template !== null) refuse("chat_template", "Request chat templates");
  if (body.top_logprobs > 0 && !body.logprobs) {
    invalid("when using `top_logprobs`, `logprobs` must be set to true.");
  }
  if (body.top_logprobs < 0) invalid("`top_logprobs` must be a positive value or -1.");
  if (body.continue_final_message && body.add_generation_prompt) {
    invalid(
      "Cannot set both `continue_final_message` and `add_generation_prompt` to True.",
      "add_generation_prompt",
    );
  }
}

/** @throws RequestError "unsupported" or "invalid_value" */
export function checkCompletionFeatures(body: CompletionBody): void {
  checkSamplingFeatures(body);
  if (body.suffix !== null) invalid("suffix is not currently supported", "suffix");
  if (body.prompt_embeds !== null) refuse("prompt_embeds", "Prompt embeddings");
  if (body.best_of !== null && body.best_of > body.n) refuse("best_of", "best_of");
}

/** @throws RequestError "invalid_schema" */
export function checkStreamOptions(body: SamplingBody): void {
  if (body.stream_options !== null && !body.stream) {
    throw schemaError("Stream options can only be defined when `stream=True`.");
  }
  if (body.prompt_logprobs !== null && body.stream) {
    throw schemaError("`prompt_logprobs` are not available when `stream=True`.");
  }
}

function checkSamplingFeatures(body: SamplingBody): void {
  if (body.response_format !== null && body.response_format !== "text") {
    refuse("response_format", `response_format of type '${body.response_format}'`);
  }
  if (body.structured_outputs !== null) refuse("structured_outputs", "Structured outputs");
  if (body.use_beam_search) refuse("use_beam_search", "Beam search");
  if (body.cache_salt === "") {
    invalid("Parameter 'cache_salt' must be a non-empty string if provided.", "cache_salt");
  }
}

function checkToolChoice(tools: ChatBody["tools"], choice: Json): void {
  const hasTools = tools !== null && tools.length > 0;
  if (!hasTools) {
    if (choice === null || choice === "none") return;
    invalid("When using `tool_choice`, `tools` must be set.", "tool_choice");
  }
  if (choice === "none") return;
  if (choice === null || choice === "auto") {
    invalid(
      '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set',
      "tool_choice",
    );
  }
  refuse("tool_choice", "Forced tool calls");
}

function refuse(param: string, feature: string): never {
  throw new RequestError("unsupported", `${feature} are not supported by this server yet.`, param);
}

function invalid(message: string, param: string | null = null): never {
  throw new RequestError("invalid_value", message, param);
}

function schemaError(message: string): RequestError {
  return new RequestError(
    "invalid_schema",
    `1 validation error:\n  {'type': 'value_error', 'loc': ('body',), 'msg': 'Value error, ${message}'}`,
  );
}
