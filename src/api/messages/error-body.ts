// Error bodies for /v1/messages, in Anthropic's envelope. The status is the same as for other routes.

import { RequestError } from "../../errors.ts";
import { overflowOf } from "../../protocol/prompt-limits.ts";
import { errorBody } from "../error-body.ts";

export interface MessagesErrorBody {
  readonly type: "error";
  readonly error: {
    readonly type: string;
    readonly message: string;
    readonly details?: { readonly error_code: string };
  };
}

const TYPES: Readonly<Record<number, string>> = {
  400: "invalid_request_error",
  401: "authentication_error",
  403: "permission_error",
  404: "not_found_error",
  405: "invalid_request_error",
  408: "timeout_error",
  413: "request_too_large",
  422: "invalid_request_error",
  503: "overloaded_error",
  504: "timeout_error",
};

export function messagesErrorBody(error: unknown): MessagesErrorBody {
  const { code, message } = errorBody(error).error;
  const overflow = overflowOf(error);
  // This wording tells Claude Code that it must shorten the conversation.
  const shown =
    overflow === null
      ? message
      : `prompt is too long: ${overflow.numTokens} tokens > ${overflow.maxModelLen} maximum`;
  return {
    type: "error",
    error: { type: typeOf(error, code), message: shown, ...detailsOf(error) },
  };
}

/** Makes Anthropic's clients send the whole conversation instead of a thread. */
function detailsOf(error: unknown) {
  const isThread = error instanceof RequestError && error.param === "thread";
  return isThread && { details: { error_code: "thread_unsupported_request" } };
}

/**
 * Some clients shorten the conversation after any "invalid_request_error", so only errors in the body get this type.
 */
function typeOf(error: unknown, status: number): string {
  const isCanceled = error instanceof RequestError && error.code === "request_canceled";
  return isCanceled ? "api_error" : messagesErrorType(status);
}

/** @returns Anthropic's error type for an HTTP status */
export function messagesErrorType(status: number): string {
  return TYPES[status] ?? "api_error";
}
