// Errors for /v1/responses. HTTP error bodies are vLLM's, except for the code by which clients recognize an overload.
// Failed responses use OpenAI's codes.

import { OverloadError, RequestError } from "../../errors.ts";
import { errorBody } from "../error-body.ts";

export function responsesErrorBody(error: unknown): object {
  const body = errorBody(error);
  if (!(error instanceof OverloadError)) return body;
  return { error: { ...body.error, code: "server_is_overloaded" } };
}

/** @returns the `error` of a failed response */
export function responseError(error: unknown): { readonly code: string; readonly message: string } {
  const { message } = errorBody(error).error;
  if (error instanceof OverloadError) {
    const retry = `Please try again in ${error.retryAfterS}s.`;
    return { code: "rate_limit_exceeded", message: `${message} ${retry}` };
  }
  if (!(error instanceof RequestError)) return { code: "server_error", message };
  return { code: REQUEST_CODES[error.code] ?? "invalid_prompt", message };
}

const REQUEST_CODES: Partial<Record<RequestError["code"], string>> = {
  context_length: "context_length_exceeded",
  request_canceled: "server_error",
  slow_reader: "server_error",
};
